//! Owns how one line of an `ssh_config` is read. Pure.

use crate::ssh::known_hosts::matches;

/// Splits a line into its keyword, in lower case, and its value; nothing for a comment or an empty line.
pub(super) fn split(line: &str) -> Option<(String, String)> {
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') {
        return None;
    }
    let cut = line.find(|c: char| c.is_whitespace() || c == '=')?;
    let (keyword, value) = line.split_at(cut);
    let value = value.trim_start();
    let value = value.strip_prefix('=').unwrap_or(value).trim();
    Some((keyword.to_ascii_lowercase(), value.to_owned()))
}

/// The words of a value; quotes keep spaces together, and a word that begins with `#` begins a comment.
pub(super) fn words(value: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = value.trim_start();
    while !rest.is_empty() && !rest.starts_with('#') {
        let quote = rest.chars().next().filter(|c| matches!(c, '"' | '\''));
        let (word, behind) = match quote {
            Some(quote) => rest[1..].split_once(quote).unwrap_or((&rest[1..], "")),
            None => rest.split_once(char::is_whitespace).unwrap_or((rest, "")),
        };
        words.push(word.to_owned());
        rest = behind.trim_start();
    }
    words
}

/// Whether a `Host` line speaks of `host`.
pub(super) fn names(host: &str, patterns: &str) -> bool {
    let mut found = false;
    for pattern in words(patterns) {
        match pattern.strip_prefix('!') {
            Some(pattern) if matches(host, pattern) => return false,
            Some(_) => {}
            None => found |= matches(host, &pattern),
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_kept_together_by_quotes_and_ended_by_a_comment() {
        for (value, expected) in [
            ("a  b", vec!["a", "b"]),
            ("\"a b\" 'c d'", vec!["a b", "c d"]),
            ("box # the big one", vec!["box"]),
            ("box#1", vec!["box#1"]),
            ("# nothing", vec![]),
            ("\"open", vec!["open"]),
        ] {
            assert_eq!(words(value), expected, "{value}");
        }
    }
}
