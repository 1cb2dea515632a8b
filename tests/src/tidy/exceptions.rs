//! Owns `tests/tidy.toml`: which file may break which rule, and why. An exception that is no longer
//! needed is itself a finding.

use super::Finding;

/// Where the exceptions are written.
pub const PATH: &str = "tests/tidy.toml";

/// The exceptions, as written.
#[derive(Debug, Default)]
pub struct Exceptions {
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    rule: String,
    path: String,
    reason: String,
}

impl Exceptions {
    /// Reads `[[RULE]] path = "…" reason = "…"`.
    ///
    /// # Errors
    /// A sentence saying what is malformed.
    pub fn parse(text: &str) -> Result<Self, String> {
        let table: toml::Table = text.parse().map_err(|error| format!("{PATH}: {error}"))?;
        let mut entries = Vec::new();
        for (rule, listed) in &table {
            let listed = listed.as_array().ok_or_else(|| format!("{PATH}: {rule} must be written [[{rule}]]"))?;
            for entry in listed {
                let text = |key: &str| {
                    let value = entry.get(key).and_then(toml::Value::as_str).unwrap_or_default().trim();
                    if value.is_empty() {
                        Err(format!("{PATH}: a [[{rule}]] has no {key}"))
                    } else {
                        Ok(value.to_owned())
                    }
                };
                entries.push(Entry { rule: rule.clone(), path: text("path")?, reason: text("reason")? });
            }
        }
        Ok(Self { entries })
    }

    /// Takes out the findings of `rule` that are excused, and adds one for every entry that excuses nothing.
    #[must_use]
    pub fn apply(&self, rule: &str, findings: Vec<Finding>) -> Vec<Finding> {
        let mine: Vec<&Entry> = self.entries.iter().filter(|entry| entry.rule == rule).collect();
        let unused = mine.iter().filter(|entry| findings.iter().all(|finding| finding.path != entry.path));
        let unused = unused.map(|entry| Finding {
            path: PATH.to_owned(),
            line: 0,
            problem: format!("[[{rule}]] no longer needs {} ({}): take it out", entry.path, entry.reason),
        });
        let unused: Vec<Finding> = unused.collect();
        let left = findings.into_iter().filter(|finding| mine.iter().all(|entry| entry.path != finding.path));
        left.chain(unused).collect()
    }

    /// The rules that have an exception, so that a misspelt one is found.
    pub fn rules(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().map(|entry| entry.rule.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(path: &str) -> Finding {
        Finding { path: path.to_owned(), line: 1, problem: "x".to_owned() }
    }

    #[test]
    fn an_exception_covers_its_file_and_an_unused_one_is_reported() {
        let text = "[[naps]]\npath = \"a.rs\"\nreason = \"back-off\"\n[[naps]]\npath = \"gone.rs\"\nreason = \"was\"\n";
        let exceptions = Exceptions::parse(text).unwrap();
        let left = exceptions.apply("naps", vec![finding("a.rs"), finding("b.rs")]);
        assert_eq!(left[0], finding("b.rs"));
        assert!(left[1].problem.contains("no longer needs gone.rs"), "{}", left[1]);
        assert_eq!(exceptions.apply("length", vec![finding("a.rs")]), vec![finding("a.rs")]);
    }

    #[test]
    fn an_exception_without_a_reason_is_refused() {
        let error = Exceptions::parse("[[naps]]\npath = \"a.rs\"\n").unwrap_err();
        assert_eq!(error, "tests/tidy.toml: a [[naps]] has no reason");
    }
}
