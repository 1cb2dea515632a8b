//! Owns the decision why a breakpoint is not hit, of what the mirror says of its file and what each session says of
//! its line. Pure; asks nobody.

use remora_debug::{Cause, Difference};

/// A line of a local file, from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spot {
    /// The file, as it was given.
    pub file: std::path::PathBuf,
    /// The line.
    pub line: u32,
}

/// Why a breakpoint is not hit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnosis {
    /// The cause's name, for scripts.
    pub cause: &'static str,
    /// The whole of it, in words.
    pub sentence: String,
}

/// The one cause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Its file is left out of the mirror.
    NotMirrored,
    /// No program is being debugged.
    NotRunning,
    /// What a session found.
    Session(Cause),
}

impl Verdict {
    /// By whether the file is mirrored, and by the causes of all sessions, the latest first.
    pub(crate) fn of(is_mirrored: bool, causes: Vec<Cause>) -> Self {
        let knows = |cause: &Cause| !matches!(cause, Cause::NotSet | Cause::NotAttached | Cause::Unheard);
        let first = causes.iter().position(knows).unwrap_or(0);
        match causes.into_iter().nth(first) {
            Some(cause) if is_mirrored || shows_a_copy(&cause) => Self::Session(cause),
            None if is_mirrored => Self::NotRunning,
            _ => Self::NotMirrored,
        }
    }

    /// Its name, for scripts.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::NotMirrored => "notMirrored",
            Self::NotRunning => "notRunning",
            Self::Session(cause) => match cause {
                Cause::NotAttached => "notAttached",
                Cause::NotSet => "notSet",
                Cause::Unmapped | Cause::MappedElsewhere { .. } => "mapping",
                Cause::NotMyCode => "justMyCode",
                Cause::CameLater => "cameLater",
                Cause::Refused(_) => "refused",
                Cause::Differs(_) => "stale",
                Cause::OtherName { .. } => "symlink",
                Cause::OtherProcess { .. } => "otherProcess",
                Cause::NoCode { .. } | Cause::Moved { .. } => "noCode",
                Cause::NotImported { .. } => "notImported",
                Cause::Unknown | Cause::Unheard => "unknown",
                Cause::Fine(_) => "none",
            },
        }
    }

    /// Whether somebody who only looks at the line is to be told.
    pub(crate) fn is_worth_a_word(&self) -> bool {
        !matches!(
            self,
            Self::NotRunning | Self::Session(Cause::Fine(_) | Cause::NotSet | Cause::NotAttached | Cause::Unheard)
        )
    }
}

/// Whether the cause shows that the remote has a copy of the file, whoever brought it there: then it is not the mirror
/// that is in the way.
fn shows_a_copy(cause: &Cause) -> bool {
    match cause {
        Cause::Differs(difference) => !matches!(difference, Difference::MissingThere | Difference::OtherThere),
        Cause::NotMyCode
        | Cause::MappedElsewhere { .. }
        | Cause::CameLater
        | Cause::OtherName { .. }
        | Cause::OtherProcess { .. }
        | Cause::NoCode { .. }
        | Cause::Moved { .. }
        | Cause::NotImported { .. }
        | Cause::Fine(_) => true,
        Cause::NotAttached | Cause::Unheard | Cause::NotSet | Cause::Unmapped | Cause::Refused(_) | Cause::Unknown => {
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use remora_debug::Stops;

    use super::*;

    #[test]
    fn the_mirror_is_in_the_way_unless_a_session_has_a_copy_of_the_file_all_the_same() {
        let missing = || Cause::Differs(Difference::MissingThere);
        let behind = || Cause::Differs(Difference::Behind);
        let fine = || Cause::Fine(Stops::Always);
        for (mirrored, causes, expected) in [
            (true, vec![], "notRunning"),
            (false, vec![], "notMirrored"),
            (false, vec![missing()], "notMirrored"),
            (false, vec![Cause::NotSet], "notMirrored"),
            (false, vec![Cause::Unmapped], "notMirrored"),
            (false, vec![behind()], "stale"),
            (false, vec![fine()], "none"),
            (true, vec![missing()], "stale"),
            (true, vec![Cause::Unmapped], "mapping"),
            (true, vec![Cause::NotAttached], "notAttached"),
            (true, vec![Cause::NotSet, Cause::NotMyCode, fine()], "justMyCode"),
            (true, vec![Cause::NotSet, Cause::NotAttached], "notSet"),
        ] {
            let context = format!("{mirrored} {causes:?}");
            assert_eq!(Verdict::of(mirrored, causes).name(), expected, "{context}");
        }
    }

    #[test]
    fn who_only_looks_is_told_of_what_is_wrong() {
        for (cause, told) in [
            (Cause::Fine(Stops::Always), false),
            (Cause::NotSet, false),
            (Cause::NotImported { children: true }, true),
            (Cause::NoCode { line: 1, next: None }, true),
        ] {
            assert_eq!(Verdict::Session(cause.clone()).is_worth_a_word(), told, "{cause:?}");
        }
        assert!(Verdict::NotMirrored.is_worth_a_word());
    }
}
