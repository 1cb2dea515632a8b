//! Owns what benches have in common: the figures of many runs, and the table they print. Pure, save for what its
//! parts `editor`, `program` and `shared` start; never takes a time itself.

pub mod client;
pub mod editor;
pub mod program;
pub mod row;
pub mod shared;
pub mod text;

use std::fmt;
use std::time::Duration;

/// How long each of many runs took.
#[derive(Debug, Clone)]
pub struct Samples {
    sorted: Vec<Duration>,
}

impl Samples {
    /// Of at least one run.
    ///
    /// # Panics
    /// Without a run.
    #[must_use]
    pub fn new(mut runs: Vec<Duration>) -> Self {
        assert!(!runs.is_empty(), "a bench without a run");
        runs.sort_unstable();
        Self { sorted: runs }
    }

    /// The run in the middle; of an even number, the mean of the middle two.
    #[must_use]
    pub fn median(&self) -> Duration {
        let middle = self.sorted.len() / 2;
        match self.sorted.len() % 2 {
            0 => (self.sorted[middle - 1] + self.sorted[middle]) / 2,
            _ => self.sorted[middle],
        }
    }

    /// The shortest that nine in ten runs did not exceed.
    #[must_use]
    pub fn p90(&self) -> Duration {
        self.sorted[(self.sorted.len() * 9).div_ceil(10) - 1]
    }
}

/// A table of rivals, the first of which the others are compared with.
pub struct Table {
    /// What one round trip takes.
    pub round_trip: Duration,
    /// Each rival's name and runs.
    pub rows: Vec<(String, Samples)>,
}

impl fmt::Display for Table {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name_width = self.rows.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
        writeln!(
            out,
            "{:name_width$}  {:>9}  {:>9}  {:>11}  {:>8}",
            "", "median ms", "p90 ms", "round trips", "times"
        )?;
        let first = self.rows.first().map(|(_, samples)| samples.median());
        for (name, samples) in &self.rows {
            let (median, p90) = (samples.median(), samples.p90());
            let trips = median.as_secs_f64() / self.round_trip.as_secs_f64();
            let times = first.map_or(1.0, |first| median.as_secs_f64() / first.as_secs_f64());
            let [median, p90] = [median, p90].map(|time| time.as_secs_f64() * 1000.0);
            writeln!(out, "{name:name_width$}  {median:>9.1}  {p90:>9.1}  {trips:>11.2}  {times:>8.1}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(milliseconds: &[u64]) -> Samples {
        Samples::new(milliseconds.iter().copied().map(Duration::from_millis).collect())
    }

    #[test]
    fn the_median_is_in_the_middle_and_p90_leaves_out_one_in_ten() {
        for (runs, median, p90) in
            [(vec![7], 7, 7), (vec![3, 1], 2, 3), (vec![9, 1, 5], 5, 9), ((1..=10).rev().collect(), 5, 9)]
        {
            let samples = samples(&runs);
            assert_eq!(samples.median().as_millis(), median, "{runs:?}");
            assert_eq!(samples.p90().as_millis(), p90, "{runs:?}");
        }
    }

    #[test]
    fn a_table_compares_with_its_first_row() {
        let rows = vec![("ours".to_owned(), samples(&[60])), ("theirs".to_owned(), samples(&[180]))];
        let table = Table { round_trip: Duration::from_millis(50), rows }.to_string();
        assert_eq!(
            table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect::<Vec<_>>(),
            ["median ms p90 ms round trips times", "ours 60.0 60.0 1.20 1.0", "theirs 180.0 180.0 3.60 3.0"]
        );
    }
}
