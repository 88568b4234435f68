//! Durations and sizes, worded for people.

use std::time::Duration;

/// A span of time in its two largest units, cut (not rounded) to whole ones: `40s`, `1m 05s`, `6m`,
/// `2h 05m`, `3d 4h`.
///
/// The smaller unit is left out when it is zero, and below one second the answer is `0s`. Minutes
/// and seconds behind a larger unit have two digits, so that a text that is edited does not jump.
#[must_use]
pub fn duration(span: Duration) -> String {
    const MINUTE: u64 = 60;
    const HOUR: u64 = 60 * MINUTE;
    const DAY: u64 = 24 * HOUR;

    let seconds = span.as_secs();
    let (days, hours) = (seconds / DAY, seconds % DAY / HOUR);
    let (minutes, rest) = (seconds % HOUR / MINUTE, seconds % MINUTE);
    match (days, hours, minutes, rest) {
        (0, 0, 0, s) => format!("{s}s"),
        (0, 0, m, 0) => format!("{m}m"),
        (0, 0, m, s) => format!("{m}m {s:02}s"),
        (0, h, 0, _) => format!("{h}h"),
        (0, h, m, _) => format!("{h}h {m:02}m"),
        (d, 0, _, _) => format!("{d}d"),
        (d, h, _, _) => format!("{d}d {h}h"),
    }
}

/// A size of `count` bytes in decimal units (1 KB is 1000 bytes): `512 B`, `38 KB`, `1.2 MB`.
///
/// Kilobytes are rounded to whole ones, everything larger to one decimal.
#[must_use]
pub fn bytes(count: u64) -> String {
    if count < 1_000 {
        return format!("{count} B");
    }
    // Wider numbers, because rounding up may pass the largest u64.
    let count = u128::from(count);
    let kilobytes = (count + 500) / 1_000;
    // The comparison is with the rounded value: 999,600 bytes are 1.0 MB and never "1000 KB".
    if kilobytes < 1_000 {
        return format!("{kilobytes} KB");
    }
    let mut unit = 1_000_000;
    for name in ["MB", "GB", "TB", "PB"] {
        let tenths = (count * 10 + unit / 2) / unit;
        if tenths < 10_000 {
            return format!("{}.{} {name}", tenths / 10, tenths % 10);
        }
        unit *= 1_000;
    }
    let tenths = (count * 10 + unit / 2) / unit;
    format!("{}.{} EB", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_compact() {
        let table = [
            (0, "0s"),
            (40, "40s"),
            (59, "59s"),
            (60, "1m"),
            (65, "1m 05s"),
            (252, "4m 12s"),
            (360, "6m"),
            (3_599, "59m 59s"),
            (3_600, "1h"),
            (3_659, "1h"),
            (7_500, "2h 05m"),
            (86_399, "23h 59m"),
            (86_400, "1d"),
            (86_400 * 3 + 4 * 3_600 + 59, "3d 4h"),
            (u64::MAX, "213503982334601d 7h"),
        ];
        for (seconds, expected) in table {
            assert_eq!(duration(Duration::from_secs(seconds)), expected);
        }
        assert_eq!(duration(Duration::from_millis(1_999)), "1s");
    }

    #[test]
    fn sizes_are_compact_and_never_four_digits() {
        let table = [
            (0, "0 B"),
            (999, "999 B"),
            (1_000, "1 KB"),
            (38_400, "38 KB"),
            (999_499, "999 KB"),
            (999_500, "1.0 MB"),
            (1_234_567, "1.2 MB"),
            (999_949_999, "999.9 MB"),
            (999_950_000, "1.0 GB"),
            (2_500_000_000_000, "2.5 TB"),
            (u64::MAX, "18.4 EB"),
        ];
        for (count, expected) in table {
            assert_eq!(bytes(count), expected);
        }
    }
}
