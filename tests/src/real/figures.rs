//! What the benchmarks measure with: percentiles, and what a process takes, from `/proc`.

/// Linux counts processor time for `/proc` in hundredths of a second on every machine (`USER_HZ`).
const TICKS: f64 = 100.0;

/// The smallest value that so many percent do not exceed; nothing at all gives zero.
pub fn percentile<T: Copy + Default>(sorted: &[T], percent: usize) -> T {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied().unwrap_or_default()
}

/// The middle one; sorts them.
pub fn median<T: Copy + Default + PartialOrd>(values: &mut [T]) -> T {
    values.sort_by(|one, other| one.partial_cmp(other).unwrap_or(std::cmp::Ordering::Equal));
    values.get(values.len() / 2).copied().unwrap_or_default()
}

fn of_process(pid: u32, file: &str) -> String {
    std::fs::read_to_string(format!("/proc/{pid}/{file}")).unwrap_or_default()
}

/// The resident memory of a process in MiB.
pub fn memory(pid: u32) -> f64 {
    let status = of_process(pid, "status");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    line.trim().trim_end_matches(" kB").parse::<f64>().unwrap_or_default() / 1024.0
}

/// The processor time that a process has used so far, in seconds.
pub fn processor(pid: u32) -> f64 {
    let stat = of_process(pid, "stat");
    // Behind the name, which may hold spaces and brackets; user and system time are fields 14 and 15.
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks: f64 = fields.iter().skip(11).take(2).filter_map(|field| field.parse::<f64>().ok()).sum();
    ticks / TICKS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_and_medians_are_values_that_were_measured() {
        let hundred: Vec<u32> = (1..=100).collect();
        assert_eq!([1, 50, 99, 100].map(|percent| percentile(&hundred, percent)), [1, 50, 99, 100]);
        assert_eq!(percentile(&[7.5], 99), 7.5);
        assert_eq!(percentile::<u32>(&[], 50), 0);
        assert_eq!(median(&mut [3.0, 1.0, 2.0]), 2.0);
    }

    #[test]
    fn a_process_that_lives_takes_something() {
        assert!(memory(std::process::id()) > 1.0);
        assert!(processor(u32::MAX) < f64::EPSILON);
    }
}
