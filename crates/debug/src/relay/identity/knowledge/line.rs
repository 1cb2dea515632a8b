//! What is known of one line of one file, put together for those who decide on it.

use std::path::Path;
use std::sync::Arc;

use super::Knowledge;
use crate::relay::identity::diagnosis::{Reach, Seat, Sight};
use crate::relay::identity::points::{Point, Way};
use crate::relay::identity::project::File;
use crate::relay::identity::verdict::{self, Loaded, Sha256, Verdict};

impl Knowledge {
    /// Whether a client has a breakpoint in that line.
    pub(crate) fn has_breakpoint(&self, path: &Path, line: u32) -> bool {
        self.clients.values().any(|view| !view.at(line, |one| self.is_same(one, path)).is_empty())
    }

    /// All that is known of it, in a session of that kind.
    pub(crate) fn sight(&self, path: &Path, line: u32, session: Reach) -> Sight {
        let file = self.project.by_local(path);
        let mut seats = Vec::new();
        for view in self.clients.values() {
            let process = view.process.or(self.main);
            let points = view.at(line, |one| self.is_same(one, path));
            seats.extend(points.into_iter().map(|(way, point)| self.seat(point, way, file.as_ref(), process)));
        }
        Sight {
            attached: !self.clients.is_empty(),
            heard: session.heard,
            seats,
            other: file.as_ref().and_then(|file| self.undebugged(file)),
            other_name: file.as_ref().and_then(|file| self.other_name(file)),
            code: file.as_ref().and_then(|file| self.lines(file)),
            children: session.children,
        }
    }

    /// A breakpoint and what is known of its file in a process.
    pub(crate) fn seat(&self, point: Point, way: Way, file: Option<&File>, process: Option<u32>) -> Seat {
        let file = file.filter(|_| matches!(way, Way::Ours | Way::Nowhere));
        let loaded = file.map_or(Loaded::Unknown, |file| self.loaded(process, file));
        let verdict = file.map_or(Verdict::Open, |file| verdict::of_file(&loaded, self.here(file), self.there(file)));
        Seat { point, way, loaded, verdict }
    }

    /// The lines that have code in the text that stands here.
    pub(crate) fn lines(&self, file: &File) -> Option<Arc<[u32]>> {
        let code = self.code.get(file)?;
        if self.here(file)?.sha256 == code.sha256 { code.lines.clone() } else { None }
    }

    /// Files with breakpoints of which it is not known which lines have code, although they are there as they are here,
    /// with the text that is meant.
    pub(crate) fn uncompiled(&self) -> Vec<(File, Sha256)> {
        let paths = self.clients.values().flat_map(|view| view.points.iter());
        let files = paths.filter(|(_, (way, points))| matches!(way, Way::Ours | Way::Nowhere) && !points.is_empty());
        let files = files.filter_map(|(path, _)| self.project.by_local(Path::new(path)));
        let wanted = |file: File| {
            let here = self.here(&file)?;
            let is_there = self.there(&file) == verdict::There::Content(here.digest);
            let is_known = self.code.get(&file).is_some_and(|code| code.sha256 == here.sha256);
            (is_there && !is_known).then_some((file, here.sha256))
        };
        files.filter_map(wanted).collect()
    }

    fn is_same(&self, one: &Path, other: &Path) -> bool {
        one == other || self.project.by_local(one).is_some_and(|file| Some(file) == self.project.by_local(other))
    }

    /// A process that has loaded the file and has no client.
    fn undebugged(&self, file: &File) -> Option<u32> {
        let debugged: Vec<u32> = self.clients.values().filter_map(|view| view.process.or(self.main)).collect();
        let is_loaded = |pid: u32| {
            matches!(self.loaded(Some(pid), file), Loaded::Text(_) | Loaded::Other | Loaded::Earlier | Loaded::Unclear)
        };
        self.processes.keys().copied().filter(|pid| !debugged.contains(pid) && is_loaded(*pid)).min()
    }

    /// The name under which a process that is debugged has loaded what is this file here and another one there; nothing
    /// as long as it is not known where that one's links lead there.
    fn other_name(&self, file: &File) -> Option<String> {
        let there = self.project.there(file).to_string();
        let real = &self.code.get(file)?.real;
        let debugged = self.clients.values().filter_map(|view| self.processes.get(&view.process.or(self.main)?));
        let debugged: Vec<_> = debugged.collect();
        let has = |path: &str| debugged.iter().any(|process| process.files.get(path).is_some_and(is_text));
        if has(&there) || has(real) {
            return None;
        }
        let leads_here = self.names.iter().filter(|(_, target)| *target == file).map(|(name, _)| name);
        let mut names = self.names.get(file).into_iter().chain(leads_here);
        names.find(|name| has(&self.project.there(name).to_string())).map(|name| self.project.name(name))
    }
}

fn is_text(loaded: &Loaded) -> bool {
    matches!(loaded, Loaded::Text(_) | Loaded::Other | Loaded::Earlier | Loaded::Unclear)
}
