//! Owns one line of a bench that has goals: ours, a rival's, how they compare, and whether the goal is met. Pure; a
//! goal that is not met is a word and never a failure.

use std::fmt;
use std::time::Duration;

/// What was measured.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Figure {
    /// How long it took.
    Time(Duration),
    /// How much was sent, or is held.
    Bytes(u64),
    /// Of one processor.
    Percent(f64),
}

/// What is wanted of our figure; smaller is better throughout.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Goal {
    /// Nothing: the line is for information.
    None,
    /// At most this.
    AtMost(Figure),
    /// At most this many times the rival's.
    Times(f64),
}

/// One line.
#[derive(Debug, Clone)]
pub struct Row {
    /// What was done.
    pub case: String,
    /// Over which round trip, if that matters.
    pub round_trip: Option<Duration>,
    /// Our figure.
    pub ours: Figure,
    /// Whom it is compared with.
    pub rival: Option<(String, Figure)>,
    /// What is wanted.
    pub goal: Goal,
}

/// What stands above the lines.
pub const HEADING: &str = "case                                          rtt ms        ours  rival                      rival's   ratio  goal";

impl Row {
    /// Ours in terms of the rival's.
    #[must_use]
    pub fn ratio(&self) -> Option<f64> {
        self.rival.as_ref().map(|(_, figure)| self.ours.amount() / figure.amount())
    }

    /// Whether the goal is met; nothing without one.
    #[must_use]
    pub fn is_met(&self) -> Option<bool> {
        match self.goal {
            Goal::None => None,
            Goal::AtMost(most) => Some(self.ours.amount() <= most.amount()),
            Goal::Times(most) => self.ratio().map(|ratio| ratio <= most),
        }
    }
}

impl fmt::Display for Row {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let trip = self.round_trip.map(|trip| trip.as_millis().to_string()).unwrap_or_default();
        let (rival, figure) = self.rival.clone().map_or_else(Default::default, |(name, it)| (name, it.to_string()));
        let ratio = self.ratio().map(|ratio| format!("{ratio:.2}")).unwrap_or_default();
        let goal = match self.goal {
            Goal::None => String::new(),
            Goal::AtMost(most) => format!("at most {most}"),
            Goal::Times(most) => format!("at most {most:.2} ×"),
        };
        let verdict = self.is_met().map(|met| if met { ": met" } else { ": not met" }).unwrap_or_default();
        let Self { case, ours, .. } = self;
        let ours = ours.to_string();
        write!(out, "{case:<44}  {trip:>6}  {ours:>10}  {rival:<22}  {figure:>10}  {ratio:>6}  {goal}{verdict}")
    }
}

impl Figure {
    fn amount(self) -> f64 {
        match self {
            Self::Time(time) => time.as_secs_f64(),
            // A count of bytes is far below what a double holds exactly.
            Self::Bytes(bytes) => bytes as f64,
            Self::Percent(percent) => percent,
        }
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Time(time) if *time < Duration::from_secs(10) => {
                write!(out, "{:.1} ms", time.as_secs_f64() * 1000.0)
            }
            Self::Time(time) => write!(out, "{:.2} s", time.as_secs_f64()),
            Self::Bytes(bytes) if *bytes < 10_000_000 => write!(out, "{:.1} kB", *bytes as f64 / 1e3),
            Self::Bytes(bytes) => write!(out, "{:.1} MB", *bytes as f64 / 1e6),
            Self::Percent(percent) => write!(out, "{percent:.1} %"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(ours: Figure, rival: Option<Figure>, goal: Goal) -> Row {
        let rival = rival.map(|figure| ("rsync".to_owned(), figure));
        Row { case: "same".to_owned(), round_trip: Some(Duration::from_millis(20)), ours, rival, goal }
    }

    #[test]
    fn a_goal_is_met_up_to_its_figure() {
        let time = |milliseconds| Figure::Time(Duration::from_millis(milliseconds));
        for (ours, rival, goal, met) in [
            (time(30), None, Goal::AtMost(time(30)), Some(true)),
            (time(31), None, Goal::AtMost(time(30)), Some(false)),
            (time(30), Some(time(100)), Goal::Times(0.3), Some(true)),
            (time(31), Some(time(100)), Goal::Times(0.3), Some(false)),
            (time(31), Some(time(100)), Goal::None, None),
            (Figure::Percent(0.0), None, Goal::AtMost(Figure::Percent(0.0)), Some(true)),
            (Figure::Bytes(64_001), None, Goal::AtMost(Figure::Bytes(64_000)), Some(false)),
        ] {
            assert_eq!(row(ours, rival, goal).is_met(), met, "{ours:?} {rival:?} {goal:?}");
        }
    }

    #[test]
    fn a_line_says_it_all() {
        let time = |milliseconds| Figure::Time(Duration::from_millis(milliseconds));
        let words = |row: Row| row.to_string().split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(
            words(row(time(12_340), Some(time(24_680)), Goal::Times(0.3))),
            "same 20 12.34 s rsync 24.68 s 0.50 at most 0.30 × : not met".replace("× :", "×:")
        );
        assert_eq!(
            words(row(Figure::Bytes(64_000), None, Goal::AtMost(Figure::Bytes(64_000)))),
            "same 20 64.0 kB at most 64.0 kB: met"
        );
        assert_eq!(words(row(Figure::Bytes(30_000_000), None, Goal::None)), "same 20 30.0 MB");
    }

    #[test]
    fn the_heading_stands_above_its_columns() {
        let time = Figure::Time(Duration::from_millis(1));
        let line = row(time, Some(time), Goal::Times(1.0)).to_string();
        for (word, under) in [("rtt ms", "20"), ("ours", "1.0 ms"), ("ratio", "1.00")] {
            let end = |text: &str, part: &str| text.find(part).unwrap() + part.len();
            assert_eq!(end(HEADING, word), end(&line, under), "{word}");
        }
        assert_eq!(HEADING.find("rival "), line.find("rsync"));
        assert_eq!(HEADING.find("goal"), line.find("at most"));
    }
}
