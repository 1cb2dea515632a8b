//! Owns the comparison of the three places that name the protocol's words: Rust, Python and PROTOCOL.md. Runs
//! nothing.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::path::Path;

fn text(name: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
}

fn all(folder: &str) -> String {
    let entries = std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)).unwrap();
    let files = entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_file());
    files.map(|path| std::fs::read_to_string(path).unwrap()).collect()
}

/// Every word of `text` that stands right between `before` and `after`.
fn words(text: &str, before: &str, after: &str) -> BTreeSet<String> {
    let word = |rest: &str| {
        let end = rest.find(|c: char| !(c.is_ascii_lowercase() || c == '_'))?;
        rest[end..].starts_with(after).then(|| rest[..end].to_owned())
    };
    text.split(before).skip(1).filter_map(word).filter(|word| !word.is_empty()).collect()
}

fn section<'a>(text: &'a str, from: &str, to: &str) -> &'a str {
    let rest = text.split_once(from).unwrap().1;
    rest.split_once(to).map_or(rest, |(section, _)| section)
}

fn snake(name: &str) -> String {
    let mut snake = String::new();
    for c in name.chars() {
        if c.is_ascii_uppercase() && !snake.is_empty() {
            snake.push('_');
        }
        snake.push(c.to_ascii_lowercase());
    }
    snake
}

/// The variants of an enum, one a line, in snake case or as numbers by name.
fn variants(text: &str, name: &str) -> Vec<String> {
    let body = section(text, &format!("enum {name} {{"), "\n}");
    let lines = body.lines().map(str::trim).filter(|line| line.starts_with(|c: char| c.is_ascii_uppercase()));
    lines.map(|line| line.trim_end_matches(',').to_owned()).collect()
}

#[test]
fn the_operations_have_the_same_names_everywhere() {
    let python = words(section(&text("py/loop.py"), "OPS = {", "\n}"), "    \"", "\":");
    let page = words(section(&text("PROTOCOL.md"), "## Operations", "## Errors"), "\n| `", "` |");
    let rust: BTreeSet<String> = words(&(all("src") + &all("src/link")), "\"op\": \"", "\"");
    assert_eq!(rust, python);
    assert_eq!(rust, page);
    assert!(rust.len() > 15);
}

#[test]
fn the_errors_have_the_same_names_everywhere() {
    let rust: BTreeSet<String> =
        variants(&text("src/error.rs"), "OpErrorKind").iter().map(|name| snake(name)).collect();
    let page = words(section(&text("PROTOCOL.md"), "## Errors", "\u{0}"), "\n| `", "` |");
    let python = all("py");
    let mut named = words(&python, "OpError(\"", "\",");
    named.extend(words(section(&python, "KINDS = {", "\n}"), ": \"", "\","));
    named.insert("other".to_owned());
    assert_eq!(rust, page);
    assert_eq!(rust, named);
}

#[test]
fn the_kinds_of_frames_have_the_same_numbers_everywhere() {
    let rust: BTreeSet<(String, String)> = variants(&text("src/frames.rs"), "Kind")
        .iter()
        .map(|line| line.split_once(" = ").unwrap())
        .map(|(name, number)| (name.to_uppercase(), number.to_owned()))
        .collect();
    let page = text("PROTOCOL.md");
    let mut python = BTreeSet::new();
    for line in text("py/wire.py").lines().filter(|line| line.starts_with("REQUEST, ") || line.starts_with("HELLO, ")) {
        let (names, numbers) = line.split_once(" = ").unwrap();
        python.extend(
            names.split(", ").zip(numbers.split(", ")).map(|(name, number)| (name.to_owned(), number.to_owned())),
        );
    }
    assert_eq!(rust, python);
    for (name, number) in &rust {
        assert!(page.contains(&format!("| {number} | `{name}` |")), "{name}");
    }
}

#[test]
fn the_sizes_are_the_same_on_both_sides() {
    let (rust, python) = (text("src/frames.rs"), text("py/agent.py"));
    for name in ["MAX_PAYLOAD", "CHUNK", "WINDOW", "WINDOW_STEP"] {
        let ours = section(&rust, &format!("const {name}: usize = "), ";");
        let theirs = section(&python, &format!("\n{name} = "), "\n").replace("//", "/");
        assert_eq!(ours, theirs, "{name}");
    }
}
