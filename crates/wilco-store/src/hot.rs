//! The hot statements by name, for the test that asks the database how it would carry them out.

/// Name, text and number of placeholders of every statement that runs often or over large tables.
pub fn hot() -> Vec<(&'static str, &'static str, usize)> {
    let mut all = crate::changes::hot::hot();
    all.extend(crate::reads::hot());
    all.into_iter().map(|(name, sql)| (name, sql, placeholders(sql))).collect()
}

/// The highest `$n` in a statement.
fn placeholders(sql: &str) -> usize {
    sql.split('$')
        .skip(1)
        .filter_map(|rest| rest.split(|digit: char| !digit.is_ascii_digit()).next()?.parse().ok())
        .max()
        .unwrap_or(0)
}
