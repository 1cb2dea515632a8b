//! Owns which files an `Include` of an `ssh_config` names. Looks at folders; never reads a file.

use std::fs;
use std::path::{Component, Path, PathBuf};

use super::line::words;
use super::values::{expand_home, expand_variables};

/// Where the includes of the system's own configuration are looked for.
const SYSTEM_FOLDER: &str = "/etc/ssh";

/// The files that `value` names, in order. `of_user` is the home whose configuration says so; `home` is what
/// `~` stands for. A wildcard that fits nothing names nothing.
pub(super) fn files(value: &str, of_user: Option<&Path>, home: Option<&Path>) -> Vec<PathBuf> {
    let base = of_user.map_or_else(|| PathBuf::from(SYSTEM_FOLDER), |home| home.join(".ssh"));
    let path = |word: &String| base.join(expand_home(&expand_variables(word), home));
    words(value).iter().flat_map(|word| expand(&path(word))).collect()
}

/// What a path with the wildcards of `glob(7)` stands for, in lexical order.
fn expand(pattern: &Path) -> Vec<PathBuf> {
    let mut found = vec![PathBuf::new()];
    let mut wild = false;
    for part in pattern.components() {
        let name = part.as_os_str().to_string_lossy();
        if !matches!(part, Component::Normal(_)) || !name.contains(['*', '?', '[']) {
            found.iter_mut().for_each(|path| path.push(part));
            continue;
        }
        wild = true;
        found = found.iter().flat_map(|folder| inside(folder, &name)).collect();
    }
    found.retain(|path| !wild || path.exists());
    found
}

/// What is in a folder and fits; a folder that is not there has nothing.
fn inside(folder: &Path, pattern: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<_> = entries.map(|entry| entry.file_name()).collect();
    // As in a shell: what is hidden has to be named.
    names.retain(|name| {
        let name = name.to_string_lossy();
        (pattern.starts_with('.') || !name.starts_with('.')) && fits(&name, pattern)
    });
    names.sort();
    names.into_iter().map(|name| folder.join(name)).collect()
}

fn fits(name: &str, pattern: &str) -> bool {
    let mut rest = pattern.chars();
    let Some(first) = rest.next() else { return name.is_empty() };
    let mut behind = name.chars();
    match first {
        '*' => {
            let rest = rest.as_str();
            let ends = name.char_indices().map(|(at, _)| at).chain([name.len()]);
            ends.into_iter().any(|at| fits(&name[at..], rest))
        }
        '?' => behind.next().is_some() && fits(behind.as_str(), rest.as_str()),
        '[' if rest.as_str().chars().skip(1).any(|c| c == ']') => {
            let Some(c) = behind.next() else { return false };
            let (set, rest) = set(rest.as_str());
            let (inverted, set) = match set.strip_prefix(['!', '^']) {
                Some(set) => (true, set),
                None => (false, set),
            };
            holds(set, c) != inverted && fits(behind.as_str(), rest)
        }
        first => behind.next() == Some(first) && fits(behind.as_str(), rest.as_str()),
    }
}

/// The inside of a `[…]`, whose first character may be a `]`, and what comes after it.
fn set(text: &str) -> (&str, &str) {
    let begin = if text.starts_with(['!', '^']) { 1 } else { 0 };
    let skip = begin + text[begin..].chars().next().map_or(0, char::len_utf8);
    let end = text[skip..].find(']').map_or(text.len(), |at| skip + at);
    (&text[..end], text.get(end + 1..).unwrap_or_default())
}

fn holds(set: &str, c: char) -> bool {
    let chars: Vec<char> = set.chars().collect();
    let mut at = 0;
    while at < chars.len() {
        let range = chars.get(at + 1) == Some(&'-') && at + 2 < chars.len();
        let last = if range { chars[at + 2] } else { chars[at] };
        if (chars[at]..=last).contains(&c) {
            return true;
        }
        at += if range { 3 } else { 1 };
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_are_those_of_a_shell() {
        for (name, pattern, expected) in [
            ("a.conf", "*.conf", true),
            ("a.conf", "?.conf", true),
            ("a.confx", "*.conf", false),
            ("10-web", "[0-9][0-9]-*", true),
            ("x0-web", "[0-9][0-9]-*", false),
            ("b", "[!a]", true),
            ("a", "[^a]", false),
            ("]", "[]x]", true),
            ("-", "[a-]", true),
            ("[a", "[a", true),
            ("ä", "?", true),
            ("A.conf", "a.conf", false),
        ] {
            assert_eq!(fits(name, pattern), expected, "{name} {pattern}");
        }
    }

    #[test]
    fn wildcards_stand_in_any_part_and_what_is_hidden_has_to_be_named() {
        let home = tempfile::tempdir().unwrap();
        let ssh = home.path().join(".ssh");
        for name in ["d/b/config", "d/a/config", "d/a/other", "d/.c/config", "config.d/x"] {
            fs::create_dir_all(ssh.join(name).parent().unwrap()).unwrap();
            fs::write(ssh.join(name), "").unwrap();
        }
        let found = |value: &str| {
            let files = files(value, Some(home.path()), Some(home.path()));
            let name = |file: &PathBuf| file.strip_prefix(&ssh).unwrap().display().to_string();
            files.iter().map(name).collect::<Vec<_>>()
        };
        assert_eq!(found("d/*/config"), ["d/a/config", "d/b/config"]);
        assert_eq!(found("d/.*/config ~/.ssh/config.d/*"), ["d/.c/config", "config.d/x"]);
        assert_eq!(found("d/*/nothing"), Vec::<String>::new());
        assert_eq!(found("plain"), ["plain"], "whether it is there is seen when it is read");
    }
}
