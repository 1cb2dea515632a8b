//! Owns the verdict on one file: whether what the process loaded, what stands on the remote and what stands here are
//! the same text, and else which is not. Pure.

use remora_model::Digest;

use crate::request::Difference;

/// What a text loaded by a process is compared by. Python 2.7 has no BLAKE2b.
pub(crate) type Sha256 = [u8; 32];

/// The local file as it is saved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Here {
    pub(crate) sha256: Sha256,
    pub(crate) digest: Digest,
}

/// What a process has of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Loaded {
    /// Nothing is known of that process.
    Unknown,
    /// It has not loaded the file.
    Nothing,
    /// It has loaded the module from another file.
    Elsewhere { module: String, from: String },
    /// It has loaded a text with this digest.
    Text(Sha256),
    /// It has loaded what Python had compiled of another text.
    Other,
    /// It has loaded a text from before the file was changed, which nobody saw.
    Earlier,
    /// It has loaded the file; which text of it can't be told.
    Unclear,
}

/// What is known of the remote file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum There {
    /// Nothing, or it is just being written.
    Unknown,
    Missing,
    Content(Digest),
}

/// What follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Too little is known to say anything.
    Open,
    Same,
    Not(Difference),
}

impl Verdict {
    pub(crate) fn difference(&self) -> Option<&Difference> {
        if let Self::Not(difference) = self { Some(difference) } else { None }
    }
}

/// The verdict on a file of which lines are to be stopped at.
pub(crate) fn of_file(loaded: &Loaded, here: Option<Here>, there: There) -> Verdict {
    let Some(here) = here else { return Verdict::Open };
    let same_there = match there {
        There::Unknown => None,
        There::Missing => Some(false),
        There::Content(digest) => Some(digest == here.digest),
    };
    let difference = match (loaded, same_there) {
        (Loaded::Other, _) => Difference::Compiled,
        (Loaded::Text(text), Some(false)) if *text == here.sha256 => Difference::ChangedThere,
        (Loaded::Text(text), _) if *text == here.sha256 => return Verdict::Same,
        (Loaded::Text(_) | Loaded::Earlier, Some(false)) => Difference::Behind,
        (Loaded::Text(_) | Loaded::Earlier, _) => Difference::Outdated,
        (Loaded::Elsewhere { module, from }, _) => Difference::Elsewhere { module: module.clone(), from: from.clone() },
        (Loaded::Unknown | Loaded::Nothing | Loaded::Unclear, None) => return Verdict::Open,
        (Loaded::Unknown | Loaded::Nothing | Loaded::Unclear, Some(true)) => return Verdict::Same,
        (Loaded::Unknown | Loaded::Nothing | Loaded::Unclear, Some(false)) => match there {
            There::Missing => Difference::MissingThere,
            _ => Difference::OtherThere,
        },
    };
    Verdict::Not(difference)
}

/// The verdict on a file of which a line runs: what was never seen being loaded came some other way.
pub(crate) fn of_frame(loaded: &Loaded, here: Option<Here>, there: There) -> Verdict {
    match loaded {
        Loaded::Unknown | Loaded::Nothing | Loaded::Unclear | Loaded::Elsewhere { .. } => Verdict::Open,
        Loaded::Text(_) | Loaded::Other | Loaded::Earlier => of_file(loaded, here, there),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(text: u8) -> Digest {
        Digest::from_bytes([text; 32])
    }

    /// Texts by a letter each; `?` is unknown, `-` nothing there or not loaded, `!` what was compiled of another, `<` an earlier one, `~` any.
    fn check(loaded: char, here: char, there: char) -> (Verdict, Verdict) {
        let loaded = match loaded {
            '?' => Loaded::Unknown,
            '-' => Loaded::Nothing,
            '!' => Loaded::Other,
            '~' => Loaded::Unclear,
            '<' => Loaded::Earlier,
            '/' => Loaded::Elsewhere { module: "m".into(), from: "/m.py".into() },
            text => Loaded::Text([text as u8; 32]),
        };
        let here = (here != '-').then(|| Here { sha256: [here as u8; 32], digest: digest(here as u8) });
        let there = match there {
            '?' => There::Unknown,
            '-' => There::Missing,
            text => There::Content(digest(text as u8)),
        };
        (of_file(&loaded, here, there), of_frame(&loaded, here, there))
    }

    #[test]
    fn each_way_in_which_texts_can_differ_has_its_verdict_and_nothing_is_said_without_knowing() {
        use Difference::{Behind, ChangedThere, Compiled, MissingThere, OtherThere, Outdated};
        use Verdict::{Not, Open, Same};
        let elsewhere = || Not(Difference::Elsewhere { module: "m".into(), from: "/m.py".into() });
        let table = [
            // Loaded, here, there; a breakpoint, a frame.
            ("aaa", Same, Same),
            ("aa?", Same, Same),
            ("aab", Not(ChangedThere), Not(ChangedThere)),
            ("aa-", Not(ChangedThere), Not(ChangedThere)),
            ("abb", Not(Outdated), Not(Outdated)),
            ("ab?", Not(Outdated), Not(Outdated)),
            ("aba", Not(Behind), Not(Behind)),
            ("abc", Not(Behind), Not(Behind)),
            ("ab-", Not(Behind), Not(Behind)),
            ("!aa", Not(Compiled), Not(Compiled)),
            ("!a?", Not(Compiled), Not(Compiled)),
            ("<aa", Not(Outdated), Not(Outdated)),
            ("<a?", Not(Outdated), Not(Outdated)),
            ("<ab", Not(Behind), Not(Behind)),
            ("/aa", elsewhere(), Open),
            ("-aa", Same, Open),
            ("-ab", Not(OtherThere), Open),
            ("-a-", Not(MissingThere), Open),
            ("-a?", Open, Open),
            ("?aa", Same, Open),
            ("?ab", Not(OtherThere), Open),
            ("?a-", Not(MissingThere), Open),
            ("?a?", Open, Open),
            ("~aa", Same, Open),
            ("~ab", Not(OtherThere), Open),
            ("a-a", Open, Open),
            ("--a", Open, Open),
        ];
        for (row, file, frame) in table {
            let letters: Vec<char> = row.chars().collect();
            assert_eq!(check(letters[0], letters[1], letters[2]), (file, frame), "{row}");
        }
    }
}
