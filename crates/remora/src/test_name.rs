//! Owns how a test is named by whoever wants it debugged, and how pytest is told. Reads one local file at most, for the
//! test at a line.

use std::path::{Path, PathBuf};

use crate::fault::{Fault, Kind};
use crate::starts;

/// What pytest is to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Test {
    /// A file or folder here.
    pub file: PathBuf,
    /// What of it.
    pub part: Part,
}

/// What of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// Everything.
    Whole,
    /// A test or class by its name, such as `TestCart::test_sum[1-2]`.
    Named(String),
    /// The test around this line, counted from 1.
    AtLine(usize),
}

/// The module that runs tests.
pub(crate) const PYTEST: &str = "pytest";

impl Test {
    /// Reads `FILE`, `FILE::NAME` or `FILE:LINE`; a relative path begins at `root`.
    pub(crate) fn read(text: &str, root: &Path) -> Self {
        let at_line = |text: &str| {
            let (file, line) = text.rsplit_once(':')?;
            Some((file.to_owned(), Part::AtLine(line.parse().ok().filter(|&line| line > 0)?)))
        };
        let (file, part) = match text.split_once("::") {
            Some((file, name)) => (file.to_owned(), Part::Named(name.to_owned())),
            None => at_line(text).unwrap_or_else(|| (text.to_owned(), Part::Whole)),
        };
        Self { file: root.join(file), part }
    }

    /// Finds the name of the test at a line, in the file as it is stored.
    ///
    /// # Errors
    /// There is none there, or the file can't be read.
    pub(crate) async fn find(&mut self) -> Result<(), Fault> {
        let Part::AtLine(line) = self.part else { return Ok(()) };
        let (kind, why) = match tokio::fs::read_to_string(&self.file).await {
            Ok(text) => match starts::test_at(&text, line - 1) {
                Some(name) => {
                    self.part = Part::Named(name);
                    return Ok(());
                }
                None => (Kind::BadRequest, "it stands in no test".to_owned()),
            },
            Err(error) => (Kind::LocalUnreadable, error.to_string()),
        };
        Err(Fault::new(
            kind,
            format!("Can't debug the test at line {line} of {}: {why}.", self.file.display()),
            "Put the caret into a function that pytest takes for a test, or name it: FILE::TEST.",
        ))
    }

    /// What pytest is told, where the file is `remote`.
    pub(crate) fn argument(&self, remote: &str) -> String {
        match &self.part {
            Part::Named(name) => format!("{remote}::{name}"),
            Part::Whole | Part::AtLine(_) => remote.to_owned(),
        }
    }

    /// What a person calls it.
    pub(crate) fn title(&self) -> String {
        let file = self.file.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
        self.argument(&file)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_is_named_in_pytests_way_or_by_its_line() {
        let root = std::env::temp_dir();
        for (text, file, part, argument) in [
            ("t/test_a.py", "t/test_a.py", Part::Whole, "/r"),
            ("tests", "tests", Part::Whole, "/r"),
            ("test_a.py::test_b", "test_a.py", Part::Named("test_b".into()), "/r::test_b"),
            ("test_a.py::A::b[x:1::y]", "test_a.py", Part::Named("A::b[x:1::y]".into()), "/r::A::b[x:1::y]"),
            ("test_a.py:12", "test_a.py", Part::AtLine(12), "/r"),
            ("test_a.py:0", "test_a.py:0", Part::Whole, "/r"),
        ] {
            let test = Test::read(text, &root);
            assert_eq!(test.argument("/r"), argument);
            assert_eq!(test, Test { file: root.join(file), part });
        }
    }

    #[tokio::test]
    async fn the_test_at_a_line_is_found_in_the_file_or_that_there_is_none_is_said() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("test_a.py"), "x = 1\ndef test_b():\n    pass\n").unwrap();
        let mut test = Test::read("test_a.py:3", folder.path());
        test.find().await.unwrap();
        assert_eq!((&test.part, test.title().as_str()), (&Part::Named("test_b".into()), "test_a.py::test_b"));
        let fault = Test::read("test_a.py:1", folder.path()).find().await.unwrap_err();
        assert!(fault.message.contains("line 1 of") && fault.message.ends_with("it stands in no test."), "{fault}");
        let fault = Test::read("nope.py:1", folder.path()).find().await.unwrap_err();
        assert_eq!(fault.kind, Kind::LocalUnreadable);
    }
}
