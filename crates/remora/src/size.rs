//! Owns how a size is written for people. Pure.

/// A size in words.
pub(crate) fn bytes(count: u64) -> String {
    const UNITS: [&str; 4] = ["kB", "MB", "GB", "TB"];
    if count < 1000 {
        return format!("{count} B");
    }
    let mut value = count as f64 / 1000.0;
    let mut unit = 0;
    while value >= 1000.0 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    format!("{value:.1} {}", UNITS[unit])
}

#[cfg(test)]
mod tests {
    #[test]
    fn sizes_are_short() {
        for (count, words) in [(0, "0 B"), (999, "999 B"), (4096, "4.1 kB"), (2_147_483_648, "2.1 GB")] {
            assert_eq!(super::bytes(count), words);
        }
    }
}
