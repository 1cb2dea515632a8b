//! Owns which debug type an attach configuration gets: one that the editor at hand knows. Pure.

use std::collections::BTreeMap;

/// The debug type of an attach configuration, by who brings it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DebugType {
    /// The Python Debugger extension, and what most other editors call it.
    #[default]
    Debugpy,
    /// The Python extension before its debugger became one of its own.
    Python,
    /// Our own extension, which needs no other.
    Remora,
}

/// The first year of the Python extension that brings the Python Debugger extension along; it names its versions
/// by years.
const DEBUGGER_APART: u32 = 2024;

impl DebugType {
    /// The type that an editor with these extensions knows: their versions by their ids.
    #[must_use]
    pub fn of(extensions: &BTreeMap<String, String>) -> Self {
        // Ids are the same in any case.
        let version =
            |id: &str| extensions.iter().find(|(name, _)| name.eq_ignore_ascii_case(id)).map(|(_, text)| text);
        if version("ms-python.debugpy").is_some() {
            return Self::Debugpy;
        }
        let Some(python) = version("ms-python.python") else { return Self::Remora };
        match python.split('.').next().unwrap_or_default().parse::<u32>() {
            Ok(year) if year < DEBUGGER_APART => Self::Python,
            _ => Self::Debugpy,
        }
    }

    /// As it stands in `launch.json`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Debugpy => "debugpy",
            Self::Python => "python",
            Self::Remora => "remora",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_type_is_one_that_the_editor_knows() {
        let table: [(&[(&str, &str)], &str); 8] = [
            (&[], "remora"),
            (&[("rust-lang.rust-analyzer", "0.3.1")], "remora"),
            (&[("ms-python.debugpy", "2026.1.0")], "debugpy"),
            (&[("ms-python.python", "2023.22.1"), ("ms-python.debugpy", "2024.0.0")], "debugpy"),
            (&[("ms-python.python", "2023.22.1")], "python"),
            (&[("MS-Python.Python", "2020.5.80290")], "python"),
            (&[("ms-python.python", "2024.0.0")], "debugpy"),
            (&[("ms-python.python", "nightly")], "debugpy"),
        ];
        for (extensions, expected) in table {
            let extensions = extensions.iter().map(|(id, version)| ((*id).into(), (*version).into())).collect();
            assert_eq!(DebugType::of(&extensions).name(), expected, "{extensions:?}");
        }
    }
}
