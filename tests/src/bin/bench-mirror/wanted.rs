//! Owns what the command line asks for. Never acts on it.

use std::time::Duration;

/// One thing that is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Case {
    Save,
    First,
    Same,
    Checkout,
    Insert,
    Bulk,
    Memory,
}

/// All of them, by name, in the order in which they run.
const CASES: [(&str, Case, &str); 7] = [
    ("save", Case::Save, "a saved 4 kB file until it is confirmed"),
    ("first", Case::First, "the first upload of a large tree"),
    ("same", Case::Same, "a large tree in which nothing changed"),
    ("checkout", Case::Checkout, "1,000 files that change at once outside the editor"),
    ("insert", Case::Insert, "200 bytes in the middle of 1 GiB"),
    ("bulk", Case::Bulk, "1 GiB of random bytes"),
    ("memory", Case::Memory, "what watching 100,000 files holds and costs"),
];

/// What is measured, and how.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) cases: Vec<Case>,
    pub(crate) round_trips: Vec<Duration>,
    /// A seventh of the tree and an eighth of the file, for trying the bench itself.
    pub(crate) small: bool,
}

impl Wanted {
    /// What is asked for, or why that can't be understood.
    pub(crate) fn from_arguments(mut words: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut wanted =
            Self { cases: Vec::new(), round_trips: [0, 20, 100].map(Duration::from_millis).into(), small: false };
        while let Some(word) = words.next() {
            match word.as_str() {
                // npm passes on the one before the cases, if there is one.
                "--" => {}
                "--small" => wanted.small = true,
                "--rtt" => wanted.round_trips = round_trips(&words.next().unwrap_or_default())?,
                name => match CASES.iter().find(|(known, ..)| *known == name) {
                    Some((_, case, _)) => wanted.cases.push(*case),
                    None => return Err(format!("{name:?} is neither a case nor an option.\n{}", usage())),
                },
            }
        }
        if wanted.cases.is_empty() {
            wanted.cases = CASES.map(|(_, case, _)| case).into();
        }
        Ok(wanted)
    }
}

fn round_trips(list: &str) -> Result<Vec<Duration>, String> {
    let one = |text: &str| text.trim().parse().map(Duration::from_millis);
    list.split(',').map(one).collect::<Result<_, _>>().map_err(|_| format!("--rtt takes milliseconds.\n{}", usage()))
}

fn usage() -> String {
    let cases: Vec<String> = CASES.iter().map(|(name, _, shows)| format!("  {name:10}{shows}")).collect();
    format!("Usage: npm run bench -- mirror [CASE…] [--rtt 0,20,100] [--small]\n{}", cases.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(line: &str) -> Result<Wanted, String> {
        Wanted::from_arguments(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn everything_is_measured_unless_cases_are_named() {
        let all = wanted("").unwrap();
        assert_eq!((all.cases.len(), all.round_trips.len(), all.small), (7, 3, false));
        let some = wanted("-- insert --rtt 0,50 save --small").unwrap();
        let round_trips = [0, 50].map(Duration::from_millis).into();
        assert_eq!(some, Wanted { cases: vec![Case::Insert, Case::Save], round_trips, small: true });
    }

    #[test]
    fn what_is_not_understood_is_answered_with_the_usage() {
        for line in ["sav", "--rtt", "--rtt fast", "--rtt 1,,2"] {
            let refusal = wanted(line).unwrap_err();
            assert!(refusal.contains("checkout"), "{line}: {refusal}");
        }
    }
}
