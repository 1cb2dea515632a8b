//! Owns the breakpoints of one client: what it asked for, what the debugger made of it, and where the client's path
//! mappings lead. Pure; never judges one.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use crate::cause::Stops;

/// A breakpoint of a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Point {
    /// The line that the client asked for.
    pub(crate) asked: u32,
    /// The line that the debugger chose.
    pub(crate) told: u32,
    /// The debugger's own words, if it does not take it for verified.
    pub(crate) refused: Option<String>,
    pub(crate) stops: Stops,
}

impl Point {
    /// By what was asked, and by what the debugger answered.
    pub(crate) fn new(asked: &Asked, given: &Value) -> Self {
        let told = given["line"].as_u64().and_then(|line| u32::try_from(line).ok()).unwrap_or(asked.line);
        let words = || given["message"].as_str().unwrap_or_default().to_owned();
        Self { asked: asked.line, told, refused: (given["verified"] == false).then(words), stops: asked.stops }
    }

    /// Whether it is shown in that line, before or after the debugger has moved it.
    pub(crate) fn is_at(&self, line: u32) -> bool {
        self.asked == line || self.told == line
    }
}

/// A breakpoint as a client asks for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Asked {
    line: u32,
    stops: Stops,
}

impl Asked {
    /// Those of a `setBreakpoints`, in its order.
    pub(crate) fn all(arguments: &Value) -> Vec<Self> {
        let asked = |one: &Value| {
            let has = |name: &str| one[name].as_str().is_some_and(|text| !text.is_empty());
            let stops = match (has("logMessage"), has("condition") || has("hitCondition")) {
                (true, _) => Stops::Never,
                (false, true) => Stops::Sometimes,
                (false, false) => Stops::Always,
            };
            Self { line: one["line"].as_u64().and_then(|line| u32::try_from(line).ok()).unwrap_or(0), stops }
        };
        arguments["breakpoints"].as_array().into_iter().flatten().map(asked).collect()
    }
}

/// Where a client's path mappings lead from a file here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Way {
    /// To where it is mirrored.
    Ours,
    /// To this remote folder instead.
    Elsewhere(String),
    /// To a file that is not of the project, and not mirrored.
    Theirs,
    /// Nowhere.
    Nowhere,
}

/// What a client has told about itself, for all who ask.
#[derive(Debug, Clone, Default)]
pub(crate) struct View {
    /// The process that it debugs; nothing for the program's own.
    pub(crate) process: Option<u32>,
    /// By local paths, as the client writes them.
    pub(crate) points: BTreeMap<String, (Way, Vec<Point>)>,
}

impl View {
    /// Its breakpoints in a line of a file, which `is_file` knows by a path.
    pub(crate) fn at(&self, line: u32, is_file: impl Fn(&Path) -> bool) -> Vec<(Way, Point)> {
        let here = self.points.iter().filter(|(path, _)| is_file(Path::new(path)));
        let points = here.flat_map(|(_, (way, points))| points.iter().map(move |point| (way.clone(), point.clone())));
        points.filter(|(_, point)| point.is_at(line)).collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_breakpoint_is_found_where_it_was_set_and_where_it_was_moved_to() {
        let arguments = json!({"breakpoints": [
            {"line": 7}, {"line": 8, "condition": "x"}, {"line": 9, "logMessage": "x", "condition": "y"}, {"line": 9, "condition": ""},
        ]});
        let asked = Asked::all(&arguments);
        let stops: Vec<Stops> = asked.iter().map(|asked| asked.stops).collect();
        assert_eq!(stops, [Stops::Always, Stops::Sometimes, Stops::Never, Stops::Always]);
        let point = Point::new(&asked[0], &json!({"verified": true, "line": 5}));
        assert_eq!((point.is_at(7), point.is_at(5), point.is_at(6)), (true, true, false));
        assert_eq!(point.refused, None);
        let refused = Point::new(&asked[0], &json!({"verified": false, "message": "no"}));
        assert_eq!((refused.told, refused.refused.as_deref()), (7, Some("no")));
        let view = View { process: None, points: [("/a.py".into(), (Way::Ours, vec![point.clone()]))].into() };
        assert_eq!(view.at(5, |path| path.ends_with("a.py")), [(Way::Ours, point)]);
        assert_eq!(view.at(5, |path| path.ends_with("b.py")), []);
    }
}
