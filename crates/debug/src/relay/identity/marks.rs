//! What a client is told at its breakpoints: which are not what they seem, and why.

use std::path::Path;

use serde_json::{Value, json};

use super::diagnosis::{Sight, cause};
use super::knowledge::Knowledge;
use super::points::{Asked, Point, View, Way};
use super::project::File;
use super::{Identity, event};
use crate::cause::Cause;
use crate::request::Notice;

/// A breakpoint of the client.
#[derive(Debug)]
pub(super) struct Shown {
    asked: Asked,
    /// As the debugger sees it.
    given: Value,
    /// What the client was told with it.
    mark: Option<Cause>,
}

impl Identity {
    /// What others are to know of the client, if that is news.
    pub(crate) fn news(&mut self) -> Option<View> {
        std::mem::take(&mut self.changed).then(|| {
            let points = self.breakpoints.iter().map(|(path, shown)| {
                let points = shown.iter().map(|shown| Point::new(&shown.asked, &shown.given)).collect();
                (path.clone(), (self.way(path), points))
            });
            View { process: self.process, points: points.collect() }
        })
    }

    /// The file of the project that a path of the client is.
    pub(super) fn file(&self, path: &str) -> Option<File> {
        match self.way(path) {
            Way::Ours | Way::Nowhere => self.facts.project.by_local(Path::new(path)),
            Way::Elsewhere(_) | Way::Theirs => None,
        }
    }

    pub(super) fn has_breakpoints(&self, file: &File) -> bool {
        self.breakpoints.iter().any(|(path, shown)| !shown.is_empty() && self.file(path).as_ref() == Some(file))
    }

    fn way(&self, path: &str) -> Way {
        let (here, project) = (Path::new(path), &self.facts.project);
        let is_ours = project.by_local(here).is_some();
        // The first that holds it counts, as the debugger takes them.
        match self.mappings.iter().find(|(local, _)| here.starts_with(local)) {
            Some((local, remote)) if project.maps(local, remote) => Way::Ours,
            Some((_, remote)) if is_ours => Way::Elsewhere(remote.clone()),
            Some(_) => Way::Theirs,
            // Where the relay says `attach`, it adds the project's own.
            None if is_ours && !self.mapped_by_client => Way::Ours,
            None => Way::Nowhere,
        }
    }

    /// The answer to `setBreakpoints`.
    pub(super) fn breakpoints_set(
        &mut self,
        path: String,
        asked: &[Asked],
        message: &mut Value,
        known: &Knowledge,
    ) -> bool {
        let Some(given) = message["body"]["breakpoints"].as_array_mut() else { return false };
        let shown = asked.iter().zip(given.iter()).map(|(asked, given)| {
            let mark = self.cause_of(&path, asked, given, known);
            Shown { asked: *asked, given: given.clone(), mark }
        });
        let shown: Vec<Shown> = shown.collect();
        let marked = given.iter_mut().zip(&shown).map(|(given, shown)| self.mark(given, &path, shown, known));
        // Each is marked, whatever came of those before.
        let marked = marked.fold(false, |any, one| any | one);
        self.breakpoints.insert(path, shown);
        self.changed = true;
        marked
    }

    /// The debugger has changed its mind about one.
    pub(super) fn breakpoint_changed(&mut self, body: &mut Value, known: &Knowledge) -> bool {
        let given = &mut body["breakpoint"];
        let mine = |shown: &Shown| !given["id"].is_null() && shown.given["id"] == given["id"];
        let found = self.breakpoints.iter().find_map(|(path, all)| Some((path.clone(), all.iter().position(mine)?)));
        let Some((path, at)) = found else { return false };
        let Some(mut all) = self.breakpoints.remove(&path) else { return false };
        all[at].given = given.clone();
        all[at].mark = self.cause_of(&path, &all[at].asked, given, known);
        let marked = self.mark(given, &path, &all[at], known);
        self.breakpoints.insert(path, all);
        self.changed = true;
        marked
    }

    /// More is known: the breakpoints of which the client is to hear.
    pub(super) fn breakpoints_learned(&mut self, known: &Knowledge) -> Vec<Value> {
        let mut events = Vec::new();
        let paths: Vec<String> = self.breakpoints.keys().cloned().collect();
        for path in paths {
            let mut all = self.breakpoints.remove(&path).unwrap_or_default();
            for shown in &mut all {
                let mark = self.cause_of(&path, &shown.asked, &shown.given, known);
                if mark == shown.mark {
                    continue;
                }
                shown.mark = mark;
                let mut breakpoint = shown.given.clone();
                self.mark(&mut breakpoint, &path, shown, known);
                if !breakpoint["id"].is_null() {
                    events.push(event("breakpoint", &json!({"reason": "changed", "breakpoint": breakpoint})));
                }
            }
            self.breakpoints.insert(path, all);
        }
        events
    }

    /// What is wrong with a breakpoint, of what a client is told unasked: what only takes time, as a module that is
    /// not imported yet, is not wrong, and one that was moved is seen to be.
    fn cause_of(&self, path: &str, asked: &Asked, given: &Value, known: &Knowledge) -> Option<Cause> {
        let file = self.file(path);
        let seat = known.seat(Point::new(asked, given), self.way(path), file.as_ref(), self.process(known));
        let code = file.and_then(|file| known.lines(&file));
        let sight = Sight {
            attached: true,
            heard: true,
            seats: vec![seat],
            other: None,
            other_name: None,
            code,
            children: true,
        };
        match cause(&sight) {
            Cause::Refused(_) | Cause::Moved { .. } | Cause::NotImported { .. } | Cause::Unknown | Cause::Fine(_) => {
                None
            }
            wrong => Some(wrong),
        }
    }

    fn mark(&self, breakpoint: &mut Value, path: &str, shown: &Shown, known: &Knowledge) -> bool {
        let file = self.file(path);
        let summed = file.is_some_and(|file| self.sum(breakpoint.get_mut("source"), &file, known));
        let Some(cause) = &shown.mark else { return summed };
        breakpoint["verified"] = json!(false);
        if let Cause::NoCode { line, .. } = cause {
            // Where it was set: no editor has a line 0.
            breakpoint["line"] = json!(line);
        }
        breakpoint["message"] = match cause {
            Cause::Differs(difference) => json!(self.reason(difference)),
            cause => json!((self.facts.words)(&Notice::Cause(cause.clone()))),
        };
        true
    }
}
