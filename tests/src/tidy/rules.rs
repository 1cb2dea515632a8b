//! Owns the rules that hold for a file on its own, as a table. Each looks at one text and names lines;
//! none of them reads a file or knows an exception.

use super::{Finding, Source};

/// One rule.
pub struct Rule {
    /// Its name, as `tidy.toml` writes it.
    pub name: &'static str,
    /// What a finding says.
    pub says: &'static str,
    /// The lines that break it, counted from 1; 0 stands for the whole file.
    pub broken_at: fn(&Source) -> Vec<usize>,
}

/// All of them.
pub const RULES: [Rule; 13] = [
    Rule { name: "header", says: "must open by saying what it owns and what it never does", broken_at: header },
    Rule { name: "length", says: "is over 400 lines and asks to be split", broken_at: length },
    Rule { name: "name", says: "is named for no one thing", broken_at: name },
    Rule { name: "globs", says: "imports a whole module; name what is used", broken_at: globs },
    Rule { name: "naps", says: "sleeps; wait for a signal from whoever is ready", broken_at: naps },
    Rule {
        name: "prints",
        says: "prints; stdout belongs to the protocol and the command line's one writer",
        broken_at: prints,
    },
    Rule { name: "unfinished", says: "is unfinished code", broken_at: unfinished },
    Rule { name: "panics", says: "unwraps; return an error, or expect(\"invariant: …\")", broken_at: panics },
    Rule { name: "libssh2", says: "names ssh2, which only crates/transport/src/ssh* may", broken_at: libssh2 },
    Rule {
        name: "tower-lsp",
        says: "names tower_lsp, which only the backend and main.rs of crates/remora may",
        broken_at: tower_lsp,
    },
    Rule {
        name: "lsp-types",
        says: "names lsp_types outside the backend and protocol of crates/remora",
        broken_at: lsp_types,
    },
    Rule { name: "leaks", says: "speaks of one machine's folders", broken_at: leaks },
    Rule { name: "lockfile", says: "names the host a package came from", broken_at: lockfile },
];

/// What `rule` finds in all of `sources`.
#[must_use]
pub fn findings(rule: &Rule, sources: &[Source]) -> Vec<Finding> {
    let in_one = |source: &Source| {
        let finding = |line| Finding { path: source.path.clone(), line, problem: rule.says.to_owned() };
        (rule.broken_at)(source).into_iter().map(finding).collect::<Vec<_>>()
    };
    sources.iter().flat_map(in_one).collect()
}

/// Where tower-lsp is at home.
const RIM: [&str; 3] = ["crates/remora/src/backend.rs", "crates/remora/src/backend/", "crates/remora/src/main.rs"];
const LONGEST: usize = 400;
const PROGRAMS: [&str; 5] = [".rs", ".ts", ".mjs", ".js", ".py"];
const VAGUE: [&str; 7] = ["utils", "util", "helpers", "helper", "common", "misc", "manager"];

fn header(source: &Source) -> Vec<usize> {
    if !is_program(source) {
        return Vec::new();
    }
    // A shebang and an encoding line have to come first.
    let first = source.text.lines().find(|line| !line.trim().is_empty() && !line.starts_with('#')).unwrap_or("");
    let opening = match extension(source) {
        "rs" => "//!",
        "py" => "\"\"\"",
        _ => "/**",
    };
    let opens = first.starts_with(opening) || (opening == "\"\"\"" && first.starts_with("r\"\"\""));
    if opens { Vec::new() } else { vec![0] }
}

fn length(source: &Source) -> Vec<usize> {
    let long = is_program(source) && source.text.lines().count() > LONGEST;
    if long { vec![0] } else { Vec::new() }
}

fn name(source: &Source) -> Vec<usize> {
    let file = source.path.rsplit('/').next().unwrap_or("");
    let stem = file.split('.').next().unwrap_or("");
    let vague = is_program(source) && (file == "mod.rs" || VAGUE.contains(&stem));
    if vague { vec![0] } else { Vec::new() }
}

fn globs(source: &Source) -> Vec<usize> {
    rust_lines(source, |line| {
        let import = line.strip_prefix("pub ").unwrap_or(line);
        import.starts_with("use ") && line.contains("::*") && line != "use super::*;"
    })
}

fn naps(source: &Source) -> Vec<usize> {
    // Tests too: a nap in a test is a guess about somebody else's speed.
    let rust = ["thread::sleep", "time::sleep"];
    let python = extension(source) == "py" && source.path.starts_with("crates/");
    match python {
        true => lines(source, |line| line.contains("time.sleep(")),
        false => rust_lines(source, |line| rust.iter().any(|nap| line.contains(nap))),
    }
}

fn prints(source: &Source) -> Vec<usize> {
    // That is how a build script speaks to cargo.
    if source.path.ends_with("/build.rs") {
        return Vec::new();
    }
    product_lines(source, |line| ["println!(", "print!("].iter().any(|call| has_call(line, call)))
}

fn unfinished(source: &Source) -> Vec<usize> {
    let marks = [concat!("todo", "!("), concat!("unimplemented", "!("), concat!("dbg", "!(")];
    rust_lines(source, |line| marks.iter().any(|mark| line.contains(mark)))
}

fn panics(source: &Source) -> Vec<usize> {
    product_lines(source, |line| {
        let expects = line.contains(".expect(\"") && !line.contains(".expect(\"invariant: ");
        expects || line.contains(".unwrap()") || line.contains("panic!(")
    })
}

fn libssh2(source: &Source) -> Vec<usize> {
    if source.path.starts_with("crates/transport/src/ssh") {
        return Vec::new();
    }
    product_lines(source, |line| line.contains("ssh2::") || line.contains("use ssh2"))
}

fn tower_lsp(source: &Source) -> Vec<usize> {
    if RIM.iter().any(|path| source.path.starts_with(path)) {
        return Vec::new();
    }
    // `tower_lsp::lsp_types` is how this crate says `lsp_types`; the next rule looks at that.
    product_lines(source, |line| line.replace("tower_lsp::lsp_types", "").contains("tower_lsp"))
}

fn lsp_types(source: &Source) -> Vec<usize> {
    let may = RIM.iter().any(|path| source.path.starts_with(path));
    if may || source.path.starts_with("crates/remora/src/protocol") {
        return Vec::new();
    }
    product_lines(source, |line| line.contains("lsp_types"))
}

fn leaks(source: &Source) -> Vec<usize> {
    let folders = [concat!("/wor", "k/"), concat!("/far", "m/"), concat!("/ro", "ot/.pyenv")];
    lines(source, |line| folders.iter().any(|folder| line.contains(folder)))
}

fn lockfile(source: &Source) -> Vec<usize> {
    if !source.path.ends_with("package-lock.json") {
        return Vec::new();
    }
    lines(source, |line| line.contains("\"resolved\"") && line.contains("http"))
}

fn extension(source: &Source) -> &str {
    source.path.rsplit_once('.').map_or("", |(_, extension)| extension)
}

/// Whether this is a program of ours; what a test feeds to the product is data.
fn is_program(source: &Source) -> bool {
    let data = ["/fixtures/", "/golden/", "/programs/"].iter().any(|folder| source.path.contains(folder));
    !data && PROGRAMS.iter().any(|ending| source.path.ends_with(ending))
}

/// Whether the whole file is test code.
fn is_test(source: &Source) -> bool {
    let path = source.path.as_str();
    let folders = ["/tests/", "/benches/", "/examples/"];
    let outside = path.starts_with("tests/") || path.starts_with("crates/testkit/");
    outside || folders.iter().any(|folder| path.contains(folder)) || path.ends_with("tests.rs")
}

fn lines(source: &Source, breaks: impl Fn(&str) -> bool) -> Vec<usize> {
    let numbered = source.text.lines().enumerate();
    numbered.filter(|(_, line)| breaks(line.trim())).map(|(index, _)| index + 1).collect()
}

/// Lines of Rust code, comments left out.
fn rust_lines(source: &Source, breaks: impl Fn(&str) -> bool) -> Vec<usize> {
    if extension(source) != "rs" {
        return Vec::new();
    }
    lines(source, |line| !line.starts_with("//") && breaks(line.split(" // ").next().unwrap_or(line)))
}

/// Lines of Rust code that end up in the product.
fn product_lines(source: &Source, breaks: impl Fn(&str) -> bool) -> Vec<usize> {
    if is_test(source) || !source.path.starts_with("crates/") {
        return Vec::new();
    }
    let text = &source.text;
    let tests = ["#[cfg(test)]\nmod ", "#[cfg(all(test", "#[cfg(test)]\n#["];
    let tests = tests.iter().filter_map(|mark| text.find(mark)).min().unwrap_or(text.len());
    let last = text[..tests].lines().count();
    rust_lines(source, breaks).into_iter().filter(|&line| line <= last).collect()
}

/// Whether `line` calls exactly this macro: `println!(` is not in `eprintln!(`.
fn has_call(line: &str, call: &str) -> bool {
    let before = |at: usize| line[..at].chars().next_back();
    line.match_indices(call).any(|(at, _)| !before(at).is_some_and(|char_| char_.is_alphanumeric() || char_ == '_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rule_finds_what_breaks_it_and_passes_what_does_not() {
        for (rule, path, text, expected) in [
            ("header", "crates/a/src/b.rs", "//! Owns.\n", vec![]),
            ("header", "crates/a/src/b.rs", "// Owns.\n", vec![0]),
            ("header", "crates/a/py/b.py", "#!/usr/bin/env python3\n\"\"\"Owns.\"\"\"\n", vec![]),
            ("header", "crates/a/py/b.py", "import os\n", vec![0]),
            ("header", "tests/fixtures/b.py", "import os\n", vec![]),
            ("header", "extension/src/b.ts", "/** Owns. */\n", vec![]),
            ("header", "extension/src/b.ts", "export {};\n", vec![0]),
            ("name", "crates/a/src/mod.rs", "", vec![0]),
            ("name", "extension/src/utils.ts", "", vec![0]),
            ("name", "crates/a/src/utility_pole.rs", "", vec![]),
            ("globs", "crates/a/src/b.rs", "use std::io::*;\n    use super::*;\n", vec![1]),
            ("naps", "crates/a/src/b.rs", "a();\nthread::sleep(x);\n", vec![2]),
            ("naps", "crates/a/tests/b.rs", "// no thread::sleep(x)\n    thread::sleep(x)\n", vec![2]),
            ("naps", "crates/a/py/b.py", "time.sleep(1)\n", vec![1]),
            ("prints", "crates/a/src/b.rs", "println!(\"x\");\neprintln!(\"x\");\n", vec![1]),
            ("prints", "tests/src/bin/b.rs", "println!(\"x\");\n", vec![]),
            ("panics", "crates/a/src/b.rs", "x.expect(\"invariant: y\");\nx.expect(\"y\");\nx.unwrap();\n", vec![2, 3]),
            ("libssh2", "crates/transport/src/ssh/a.rs", "use ssh2::Session;\n", vec![]),
            ("libssh2", "crates/mirror/src/a.rs", "use ssh2::Session;\n", vec![1]),
            ("tower-lsp", "crates/remora/src/backend.rs", "use tower_lsp::Client;\n", vec![]),
            ("tower-lsp", "crates/remora/src/state.rs", "use tower_lsp::Client;\n", vec![1]),
            ("tower-lsp", "crates/remora/src/protocol.rs", "use tower_lsp::lsp_types::Url;\n", vec![]),
            ("lsp-types", "crates/remora/src/state.rs", "use tower_lsp::lsp_types::Url;\n", vec![1]),
            ("lsp-types", "crates/mirror/src/a.rs", "use lsp_types::Url;\n", vec![1]),
            ("leaks", "README.md", concat!("see /wor", "k/x\n"), vec![1]),
            ("lockfile", "a/package-lock.json", "\"resolved\": \"https://host/x.tgz\"\n", vec![1]),
            ("lockfile", "a/package-lock.json", "\"resolved\": \"../local\"\n", vec![]),
        ] {
            let rule = RULES.iter().find(|candidate| candidate.name == rule).unwrap();
            let source = Source { path: path.to_owned(), text: text.to_owned() };
            assert_eq!((rule.broken_at)(&source), expected, "{} on {path}: {text:?}", rule.name);
        }
    }

    #[test]
    fn a_file_of_four_hundred_lines_is_fine_and_one_more_is_not() {
        let source = |count: usize| Source { path: "a.rs".to_owned(), text: "x\n".repeat(count) };
        assert!(length(&source(400)).is_empty());
        assert_eq!(length(&source(401)), [0]);
    }
}
