//! Owns what an interpreter runs behind: the command that activates its environment. Never runs anything.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A command that runs another one: `uv run`, `conda run -n lab`, or a line of shell such as `module load cuda && exec "$@"`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Prefix {
    /// A program and its arguments, before those of what it runs. None at all is no prefix.
    Words(Vec<String>),
    /// A line for a login shell, because that is where `module` and the like are functions. What it runs stands at its
    /// end, or where it says `"$@"`.
    Line(String),
}

/// Hands a line to bash, which is what most activation scripts are written for, or to what there is instead.
const SHELL: &str =
    r#"line=$1; shift; shell=$(command -v bash || command -v sh); exec "$shell" -lc "$line" "$shell" "$@""#;

impl Default for Prefix {
    fn default() -> Self {
        Self::Words(Vec::new())
    }
}

impl Prefix {
    /// Whether nothing comes before an interpreter.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Words(words) => words.is_empty(),
            Self::Line(line) => line.trim().is_empty(),
        }
    }

    /// The command that runs `argv` behind this.
    #[must_use]
    pub fn before(&self, argv: Vec<String>) -> Vec<String> {
        let mut whole = match self {
            _ if self.is_empty() => return argv,
            Self::Words(words) => words.clone(),
            Self::Line(line) => {
                let line = if line.contains("$@") { line.clone() } else { format!("{line} \"$@\"") };
                vec!["sh".into(), "-c".into(), SHELL.into(), "sh".into(), line]
            }
        };
        whole.extend(argv);
        whole
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Words(words) => formatter.write_str(&words.join(" ")),
            Self::Line(line) => formatter.write_str(line),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn argv() -> Vec<String> {
        vec!["python".into(), "-u".into()]
    }

    #[test]
    fn words_stand_before_what_they_run_and_none_change_nothing() {
        let words = Prefix::Words(vec!["uv".into(), "run".into()]);
        assert_eq!(words.before(argv()), ["uv", "run", "python", "-u"]);
        for none in [Prefix::default(), Prefix::Line(" ".into())] {
            assert_eq!((none.before(argv()), none.is_empty()), (argv(), true));
        }
    }

    #[test]
    fn a_line_ends_with_what_it_runs_or_says_where_it_goes() {
        for (line, expected) in [
            ("uv run", r#"uv run "$@""#),
            ("module load cuda &&", r#"module load cuda && "$@""#),
            (r#"module load cuda && exec "$@""#, r#"module load cuda && exec "$@""#),
        ] {
            let whole = Prefix::Line(line.into()).before(argv());
            assert_eq!((whole[0].as_str(), whole[4].as_str(), &whole[5..]), ("sh", expected, &argv()[..]));
        }
    }

    #[test]
    fn a_list_and_a_text_are_read_and_written_as_such() {
        for json in [r#"["uv","run"]"#, r#""uv run""#] {
            let prefix: Prefix = serde_json::from_str(json).unwrap();
            assert_eq!(serde_json::to_string(&prefix).unwrap(), json);
            assert_eq!(prefix.to_string(), "uv run");
        }
        assert!(serde_json::from_str::<Prefix>("3").is_err());
    }
}
