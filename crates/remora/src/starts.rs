//! Finds in the text of a Python file what can be started by itself: the file as `__main__`, and each test by the name
//! that pytest has for it. Never reads a file, and never runs one.

use std::path::Path;

/// Something that can be started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Start {
    /// Where it stands, counted from 0.
    pub(crate) line: usize,
    /// The test, such as `TestCart::test_sum`; none is the file itself.
    pub(crate) test: Option<String>,
}

/// What can be started of a file with this text. Tests are only looked for in files that pytest, or Django, has them in.
pub(crate) fn starts(file: &Path, text: &str) -> Vec<Start> {
    let lines = logical_lines(text);
    let main = lines.iter().filter(|line| line.is_main()).map(|line| Start { line: line.first, test: None });
    let tests = if holds_tests(file) { tests(&lines) } else { Vec::new() };
    let tests = tests.into_iter().map(|test| Start { line: test.line, test: Some(test.name) });
    let mut all: Vec<Start> = main.chain(tests).collect();
    all.sort_by_key(|start| start.line);
    all
}

/// The innermost test around a line, counted from 0; its decorators belong to it.
pub(crate) fn test_at(text: &str, line: usize) -> Option<String> {
    let around = tests(&logical_lines(text)).into_iter().filter(|test| (test.first..=test.last).contains(&line));
    around.max_by_key(|test| test.first).map(|test| test.name)
}

fn holds_tests(file: &Path) -> bool {
    let name = file.file_stem().map(|stem| stem.to_string_lossy()).unwrap_or_default();
    name.starts_with("test_") || name.ends_with("_test") || name == "tests"
}

/// A test function or class, and its lines.
struct Test {
    name: String,
    first: usize,
    line: usize,
    last: usize,
}

/// What a deeper line may be in.
struct Scope {
    indent: usize,
    name: String,
    /// Whether tests can be in it.
    is_class: bool,
    /// Its place among those that were found.
    found: Option<usize>,
}

fn tests(lines: &[Logical<'_>]) -> Vec<Test> {
    let mut found: Vec<Test> = Vec::new();
    let mut scopes: Vec<Scope> = Vec::new();
    let mut decorated = None;
    for line in lines {
        while scopes.last().is_some_and(|scope| line.indent <= scope.indent) {
            scopes.pop();
        }
        for test in scopes.iter().filter_map(|scope| scope.found) {
            found[test].last = line.last;
        }
        if line.text.starts_with('@') {
            decorated.get_or_insert(line.first);
            continue;
        }
        let first = decorated.take().unwrap_or(line.first);
        let Some(defined) = line.defined() else { continue };
        let is_test = defined.is_test && scopes.iter().all(|scope| scope.is_class && scope.found.is_some());
        let place = is_test.then_some(found.len());
        if is_test {
            let names = scopes.iter().map(|scope| scope.name.as_str()).chain([defined.name]);
            let name = names.collect::<Vec<_>>().join("::");
            found.push(Test { name, first, line: line.first, last: line.last });
        }
        let name = defined.name.to_owned();
        scopes.push(Scope { indent: line.indent, name, is_class: defined.is_class, found: place });
    }
    found
}

/// A line as Python sees it: what is in brackets, in a string or behind a backslash goes on.
struct Logical<'a> {
    first: usize,
    last: usize,
    indent: usize,
    /// Its first line, from the first character that is no space.
    text: &'a str,
}

struct Defined<'a> {
    name: &'a str,
    is_class: bool,
    is_test: bool,
}

impl<'a> Logical<'a> {
    fn is_main(&self) -> bool {
        let condition =
            self.text.strip_prefix("if").and_then(|rest| rest.split_once(':')).map(|(condition, _)| condition);
        let sides = condition.filter(|_| self.indent == 0).and_then(|condition| condition.split_once("=="));
        let is_name = |side: &str| side.trim() == "__name__";
        let is_text = |side: &str| matches!(side.trim(), "\"__main__\"" | "'__main__'");
        sides.is_some_and(|(left, right)| is_name(left) && is_text(right) || is_text(left) && is_name(right))
    }

    /// The function or class that begins here, and whether pytest takes it for a test.
    fn defined(&self) -> Option<Defined<'a>> {
        let plain = self.text.strip_prefix("async ").map_or(self.text, str::trim_start);
        let (rest, is_class) = match (plain.strip_prefix("def "), self.text.strip_prefix("class ")) {
            (Some(rest), _) => (rest, false),
            (None, Some(rest)) => (rest, true),
            (None, None) => return None,
        };
        let rest = rest.trim_start();
        let end = rest.find(|char_: char| !char_.is_alphanumeric() && char_ != '_').unwrap_or(rest.len());
        let (name, bases) = rest.split_at(end);
        let is_test =
            if is_class { name.starts_with("Test") || bases.contains("TestCase") } else { name.starts_with("test") };
        Some(Defined { name, is_class, is_test })
    }
}

fn logical_lines(text: &str) -> Vec<Logical<'_>> {
    let mut lines: Vec<Logical<'_>> = Vec::new();
    let mut open = Open::default();
    for (number, line) in text.lines().enumerate() {
        let code = line.trim_start();
        if open.goes_on() {
            if let Some(begun) = lines.last_mut() {
                begun.last = number;
            }
        } else if code.is_empty() || code.starts_with('#') {
            continue;
        } else {
            lines.push(Logical { first: number, last: number, indent: line.len() - code.len(), text: code });
        }
        open.read(line);
    }
    lines
}

/// What a line has left open for the next.
#[derive(Default)]
struct Open {
    /// The quote that a string waits for, and how often it has to come.
    quote: Option<(u8, usize)>,
    brackets: usize,
    backslash: bool,
}

impl Open {
    fn goes_on(&self) -> bool {
        self.quote.is_some() || self.brackets > 0 || self.backslash
    }

    fn read(&mut self, line: &str) {
        let bytes = line.as_bytes();
        let is_tripled = |at: usize| bytes[at..].len() >= 3 && bytes[at + 1] == bytes[at] && bytes[at + 2] == bytes[at];
        self.backslash = bytes.last() == Some(&b'\\');
        let mut at = 0;
        while let Some(&byte) = bytes.get(at) {
            let step = match (self.quote, byte) {
                (Some(_), b'\\') => 2,
                (Some((quote, times)), byte) if byte == quote && (times == 1 || is_tripled(at)) => {
                    self.quote = None;
                    times
                }
                (Some(_), _) => 1,
                (None, b'#') => {
                    self.backslash = false;
                    break;
                }
                (None, b'"' | b'\'') => {
                    let times = if is_tripled(at) { 3 } else { 1 };
                    self.quote = Some((byte, times));
                    times
                }
                (None, b'(' | b'[' | b'{') => {
                    self.brackets += 1;
                    1
                }
                (None, b')' | b']' | b'}') => {
                    self.brackets = self.brackets.saturating_sub(1);
                    1
                }
                (None, _) => 1,
            };
            at += step;
        }
        // One that is still being typed ends with its line.
        if self.quote.is_some_and(|(_, times)| times == 1) && !self.backslash {
            self.quote = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(file: &str, text: &str) -> Vec<(usize, Option<String>)> {
        starts(Path::new(file), text).into_iter().map(|start| (start.line, start.test)).collect()
    }

    const SUITE: &str = r#"import unittest, pytest

@pytest.mark.parametrize(
    "a", [1, (2)],
)
def test_plain(
    a,
):
    text = """
def test_in_a_text():
"""
    def test_inside():
        pass

async def test_waits(): pass

class TestCart:
    x = 'it''s # no comment' \
        "def test_none(): ("

    def helper(self):
        pass

    @staticmethod
    def test_sum(): pass

    class TestDeeper:
        def test_more(self):
            assert True
            # the end

class Other(unittest.TestCase):
    def test_of_a_case(self): ...

class Fixture:
    def test_of_no_test(self): ...

if True:
    def test_behind_a_condition(): ...

if __name__ == "__main__":
    pytest.main()
"#;

    #[test]
    fn tests_are_found_where_pytest_finds_them() {
        let names =
            |tests: Vec<(usize, Option<String>)>| tests.into_iter().filter_map(|(_, test)| test).collect::<Vec<_>>();
        let expected = [
            "test_plain",
            "test_waits",
            "TestCart",
            "TestCart::test_sum",
            "TestCart::TestDeeper",
            "TestCart::TestDeeper::test_more",
            "Other",
            "Other::test_of_a_case",
            "test_behind_a_condition",
        ];
        for file in ["test_cart.py", "/a/cart_test.py", "shop/tests.py"] {
            assert_eq!(names(found(file, SUITE)), expected);
        }
        assert_eq!(found("cart.py", SUITE), [(40, None)]);
        assert_eq!(found("test_cart.py", SUITE)[0], (5, Some("test_plain".into())));
    }

    #[test]
    fn the_test_at_a_line_is_the_innermost_around_it() {
        for (line, expected) in [
            (0, None),
            (2, Some("test_plain")),
            (5, Some("test_plain")),
            (9, Some("test_plain")),
            (11, Some("test_plain")),
            (14, Some("test_waits")),
            (16, Some("TestCart")),
            (20, Some("TestCart")),
            (23, Some("TestCart::test_sum")),
            (28, Some("TestCart::TestDeeper::test_more")),
            (35, None),
            (38, Some("test_behind_a_condition")),
            (40, None),
        ] {
            assert_eq!(test_at(SUITE, line).as_deref(), expected, "{line}");
        }
    }

    #[test]
    fn the_main_block_is_known_in_each_way_it_is_written() {
        for (text, expected) in [
            ("if __name__ == '__main__':\n", true),
            ("if\t\"__main__\"==__name__ : main()\n", true),
            ("  if __name__ == '__main__':\n", false),
            ("if __name__ != '__main__':\n", false),
            ("'''\nif __name__ == '__main__':\n'''\n", false),
            ("x = (\nif __name__ == '__main__':\n", false),
            ("x = 'not closed\nif __name__ == '__main__':\n", true),
        ] {
            assert_eq!(!found("a.py", text).is_empty(), expected, "{text}");
        }
    }
}
