//! Owns what is known of the project's files: what each process has loaded, what stands here, what stands there, and
//! where clients want to stop. Pure; it is told.

mod line;
mod reloading;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::Value;

use super::code::Code;
use super::points::View;
use super::project::{File, Project};
use super::verdict::{Here, Loaded, Sha256, There};
use reloading::Reloading;

/// What is known. Grows by what is said and found, and forgets nothing but what is replaced.
#[derive(Debug)]
pub(crate) struct Knowledge {
    project: Arc<Project>,
    /// The program's own process.
    main: Option<u32>,
    processes: HashMap<u32, Process>,
    /// Files that were changed since the session began.
    touched: BTreeSet<File>,
    reloading: Reloading,
    here: HashMap<File, Option<Here>>,
    there: HashMap<File, There>,
    /// Another name of the same file here: where its links lead.
    names: HashMap<File, File>,
    /// What the remote files have of code.
    code: HashMap<File, Code>,
    clients: BTreeMap<ClientId, View>,
    /// Whether changes are on their way: what the remote has is about to change, and nothing is said of it.
    mirroring: bool,
}

/// Names a client of the session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ClientId(pub(crate) u64);

/// One process.
#[derive(Debug, Default)]
struct Process {
    /// By the paths there.
    files: HashMap<String, Loaded>,
}

/// What was found of one file.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) path: File,
    pub(crate) here: Option<Here>,
    /// Where its links lead, if that is another path in the same folder.
    pub(crate) name: Option<File>,
    /// Nothing if it was not asked, or not answered.
    pub(crate) there: Option<There>,
}

impl Knowledge {
    pub(crate) fn new(project: Arc<Project>) -> Self {
        Self {
            project,
            main: None,
            processes: HashMap::new(),
            touched: BTreeSet::new(),
            reloading: Reloading::default(),
            here: HashMap::new(),
            there: HashMap::new(),
            names: HashMap::new(),
            code: HashMap::new(),
            clients: BTreeMap::new(),
            mirroring: false,
        }
    }

    /// Takes a line that was said over there; the file that it is about, if it is one of the project.
    pub(crate) fn said(&mut self, said: &Value) -> Option<File> {
        let pid = said["pid"].as_u64().and_then(|pid| u32::try_from(pid).ok())?;
        let text = |name: &str| said[name].as_str().map(str::to_owned);
        let (path, loaded) = match said["said"].as_str()? {
            "listening" => {
                self.main = Some(pid);
                return None;
            }
            "reloads" => {
                self.reloading.knows_how(pid);
                return None;
            }
            "reloaded" => {
                self.reloading.is_done(pid);
                return None;
            }
            "began" => {
                self.processes.insert(pid, Process::default());
                self.reloading.began(pid);
                return None;
            }
            "loaded" => {
                let loaded = match said["sha256"].as_str() {
                    Some(hex) => Loaded::Text(hex_sha256(hex)?),
                    None => Loaded::Other,
                };
                (text("path")?, loaded)
            }
            "present" => (text("path")?, Loaded::Unclear),
            "earlier" => (text("path")?, Loaded::Earlier),
            "elsewhere" => (text("path")?, Loaded::Elsewhere { module: text("module")?, from: text("loaded")? }),
            _ => return None,
        };
        let process = self.processes.entry(pid).or_default();
        for path in [Some(path.clone()), text("real")].into_iter().flatten() {
            let known = process.files.get(&path);
            // A module of two files: the one that was loaded says more. So does a text that is known.
            let less = matches!(loaded, Loaded::Elsewhere { .. } | Loaded::Unclear);
            if !(less && matches!(known, Some(Loaded::Text(_) | Loaded::Other | Loaded::Earlier))) {
                process.files.insert(path, loaded.clone());
            }
        }
        self.project.by_remote(&path).or_else(|| self.project.by_remote(&text("real")?))
    }

    pub(crate) fn found(&mut self, found: Found) {
        let Found { path, here, name, there } = found;
        match name {
            Some(name) => self.names.insert(path.clone(), name),
            None => self.names.remove(&path),
        };
        if let Some(there) = there {
            self.there.insert(path.clone(), there);
        }
        // Of many changes at once not each is told.
        if self.here.get(&path).is_some_and(|before| *before != here) {
            self.touched.insert(path.clone());
        }
        self.here.insert(path, here);
    }

    /// These files may have been changed.
    pub(crate) fn touch(&mut self, files: &[File]) -> bool {
        let before = self.touched.len();
        self.touched.extend(files.iter().cloned());
        self.touched.len() > before
    }

    /// How often all processes that know how had reloaded what they could.
    pub(crate) fn reloads(&self) -> u64 {
        self.reloading.rounds()
    }

    /// The processes that are debugged are being asked to reload files.
    pub(crate) fn reload(&mut self) {
        let debugged = self.debugged();
        self.reloading.ask(&debugged);
    }

    /// The program's own process, and the children that have clients.
    fn debugged(&self) -> Vec<u32> {
        self.main.into_iter().chain(self.clients.values().filter_map(|view| view.process)).collect()
    }

    /// The local files, in order, that were changed since one of the processes that are debugged has loaded another
    /// text of them. One that was another from the start is none of these: to start anew would not help.
    pub(crate) fn stale(&self) -> Vec<PathBuf> {
        self.stale_texts().into_iter().map(|(path, _)| path).collect()
    }

    /// The same with the text that each has here.
    pub(crate) fn stale_texts(&self) -> Vec<(PathBuf, Option<Sha256>)> {
        let processes = self.debugged();
        let runs_another = |process: &u32, file: &File| match (self.loaded(Some(*process), file), self.here(file)) {
            (Loaded::Text(text), Some(here)) => text != here.sha256,
            (Loaded::Other | Loaded::Earlier, Some(_)) => true,
            _ => false,
        };
        let stale = self.touched.iter().filter(|file| processes.iter().any(|process| runs_another(process, file)));
        let path = |file: &File| self.project.local_root(file).join(&file.path).as_path().to_owned();
        stale.map(|file| (path(file), self.here(file).map(|here| here.sha256))).collect()
    }

    /// What was found of the code of a remote file.
    pub(crate) fn found_code(&mut self, file: File, code: Code) {
        self.code.insert(file, code);
    }

    /// What a client has told about itself; nothing when it has gone. Whether it debugs another child than before.
    pub(crate) fn client(&mut self, client: ClientId, view: Option<View>) -> bool {
        let child = |view: &View| view.process;
        let now = view.as_ref().and_then(child);
        let before = match view {
            Some(view) => self.clients.insert(client, view),
            None => self.clients.remove(&client),
        };
        let before = before.as_ref().and_then(child);
        if let Some(gone) = before.filter(|_| before != now) {
            self.reloading.is_done(gone);
        }
        before != now
    }

    pub(crate) fn note_mirroring(&mut self, mirroring: bool) -> bool {
        let turned = std::mem::replace(&mut self.mirroring, mirroring) != mirroring;
        if turned && !mirroring {
            // What was found before the changes arrived is not true any more; it is looked at again.
            self.there.values_mut().for_each(|there| *there = There::Unknown);
        }
        turned
    }

    /// The files of which it was asked what stands there.
    pub(crate) fn asked_about(&self) -> HashSet<File> {
        self.there.keys().cloned().collect()
    }

    /// The program's own process, once it is known.
    pub(crate) fn main(&self) -> Option<u32> {
        self.main
    }

    /// What that process has loaded of the file.
    pub(crate) fn loaded(&self, process: Option<u32>, path: &File) -> Loaded {
        let Some(process) = process.and_then(|pid| self.processes.get(&pid)) else { return Loaded::Unknown };
        let names = [Some(path), self.names.get(path)];
        let mut found = names.into_iter().flatten().filter_map(|name| {
            let there = self.project.there(name);
            process.files.get(&there.to_string())
        });
        found.next().cloned().unwrap_or(Loaded::Nothing)
    }

    pub(crate) fn here(&self, path: &File) -> Option<Here> {
        self.here.get(path).copied().flatten()
    }

    pub(crate) fn there(&self, path: &File) -> There {
        if self.mirroring { There::Unknown } else { self.there.get(path).copied().unwrap_or(There::Unknown) }
    }
}

/// A digest written in hexadecimal.
pub(crate) fn hex_sha256(hex: &str) -> Option<Sha256> {
    let mut bytes = [0; 32];
    if hex.len() != 64 || !hex.is_ascii() {
        return None;
    }
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use remora_model::{LocalPath, RelPath, RemotePath};
    use serde_json::json;

    use super::*;
    use crate::request::Mapping;

    fn project() -> Arc<Project> {
        let local_root = LocalPath::new("/here").unwrap();
        Arc::new(Project::new(vec![Mapping { local_root, remote_root: RemotePath::new("/srv/p").unwrap() }]))
    }

    fn rel(path: &str) -> File {
        let any = project().by_remote("/srv/p/any").unwrap();
        project().beside(&any, RelPath::new(path).unwrap())
    }

    fn knowledge(lines: &[Value]) -> Knowledge {
        let mut known = Knowledge::new(project());
        lines.iter().for_each(|line| drop(known.said(line)));
        known
    }

    #[test]
    fn each_process_has_what_it_said_itself_and_one_that_began_anew_has_nothing() {
        let text = |letter: &str| letter.repeat(64);
        let line = |pid: u32, path: &str, hex: &str| json!({"said": "loaded", "pid": pid, "path": path, "sha256": hex});
        let mut known = knowledge(&[
            json!({"said": "began", "pid": 1}),
            json!({"said": "listening", "pid": 1}),
            line(1, "/srv/p/a.py", &text("1")),
            json!({"said": "began", "pid": 2}),
            line(2, "/srv/p/a.py", &text("2")),
            line(2, "/srv/other.py", &text("2")),
        ]);
        assert_eq!(known.main(), Some(1));
        assert_eq!(known.loaded(Some(1), &rel("a.py")), Loaded::Text([0x11; 32]));
        assert_eq!(known.loaded(Some(2), &rel("a.py")), Loaded::Text([0x22; 32]));
        assert_eq!(known.loaded(Some(2), &rel("b.py")), Loaded::Nothing);
        assert_eq!(known.loaded(Some(3), &rel("a.py")), Loaded::Unknown);
        assert_eq!(known.loaded(None, &rel("a.py")), Loaded::Unknown);
        // By exec: the same number, another program.
        known.said(&json!({"said": "began", "pid": 1}));
        assert_eq!(known.loaded(Some(1), &rel("a.py")), Loaded::Nothing);
    }

    #[test]
    fn a_file_is_found_by_each_of_its_names() {
        let text = "1".repeat(64);
        let mut known = knowledge(&[json!({
            "said": "loaded", "pid": 1, "path": "/other/a.py", "real": "/srv/p/real/a.py", "sha256": text,
        })]);
        assert_eq!(known.loaded(Some(1), &rel("real/a.py")), Loaded::Text([0x11; 32]));
        assert_eq!(known.loaded(Some(1), &rel("link/a.py")), Loaded::Nothing);
        known.found(Found { path: rel("link/a.py"), here: None, name: Some(rel("real/a.py")), there: None });
        assert_eq!(known.loaded(Some(1), &rel("link/a.py")), Loaded::Text([0x11; 32]));
    }

    #[test]
    fn what_was_loaded_says_more_than_a_module_of_the_same_name_and_nonsense_says_nothing() {
        let elsewhere =
            json!({"said": "elsewhere", "pid": 1, "path": "/srv/p/a.py", "module": "a", "loaded": "/site/a.py"});
        let loaded = json!({"said": "loaded", "pid": 1, "path": "/srv/p/a.py", "sha256": null});
        let mut known = knowledge(&[
            elsewhere.clone(),
            json!({"said": "loaded", "pid": -1, "path": "/srv/p/b.py", "sha256": null}),
            json!({"said": "loaded", "pid": 1, "path": "/srv/p/b.py", "sha256": "zz"}),
            json!({"said": "loaded", "pid": 1, "path": 7, "sha256": null}),
        ]);
        let found = Loaded::Elsewhere { module: "a".into(), from: "/site/a.py".into() };
        assert_eq!(known.loaded(Some(1), &rel("a.py")), found);
        assert_eq!(known.loaded(Some(1), &rel("b.py")), Loaded::Nothing);
        known.said(&loaded);
        known.said(&elsewhere);
        assert_eq!(known.loaded(Some(1), &rel("a.py")), Loaded::Other);
    }

    #[test]
    fn stale_is_what_a_process_that_is_debugged_has_loaded_before_it_was_changed() {
        let (old, new) = ([0x11; 32], [0x22; 32]);
        let loads = |pid: u32, path: &str, letter: &str| json!({"said": "loaded", "pid": pid, "path": format!("/srv/p/{path}"), "sha256": letter.repeat(64)});
        let here = |path: &str, sha256: Sha256| Found {
            path: rel(path),
            here: Some(Here { sha256, digest: remora_model::Digest::from_bytes(sha256) }),
            name: None,
            there: None,
        };
        let mut known = knowledge(&[
            json!({"said": "listening", "pid": 1}),
            loads(1, "loaded.py", "1"),
            loads(1, "other.py", "1"),
            loads(2, "child.py", "1"),
            json!({"said": "loaded", "pid": 1, "path": "/srv/p/lost.py", "sha256": null}),
        ]);
        let stale = |known: &Knowledge| -> Vec<String> {
            known.stale().iter().map(|path| path.file_name().unwrap().to_string_lossy().into_owned()).collect()
        };
        for (path, text) in [("loaded.py", old), ("other.py", new), ("child.py", old), ("lost.py", old)] {
            known.found(here(path, text));
        }
        assert_eq!(stale(&known), Vec::<String>::new(), "other from the start, and never changed");
        assert!(
            known.touch(&[rel("loaded.py"), rel("unloaded.py"), rel("lost.py")]) && !known.touch(&[rel("lost.py")])
        );
        known.found(here("unloaded.py", new));
        assert_eq!(stale(&known), ["lost.py"], "what was touched and is the same is not");
        known.found(here("loaded.py", new));
        known.found(here("child.py", new));
        assert_eq!(stale(&known), ["loaded.py", "lost.py"], "a child that nobody debugs does not count");
        let client = |known: &mut Knowledge, process: Option<u32>| {
            let view = process.map(|pid| View { process: Some(pid), ..View::default() });
            known.client(ClientId(1), view)
        };
        assert!(client(&mut known, Some(2)) && !client(&mut known, Some(2)));
        assert_eq!(stale(&known), ["child.py", "loaded.py", "lost.py"]);
        assert!(client(&mut known, None));
        known.found(here("loaded.py", old));
        assert_eq!(stale(&known), ["lost.py"], "the text is again what was loaded");
        known.said(&loads(1, "lost.py", "1"));
        assert_eq!(stale(&known), Vec::<String>::new(), "loaded anew");
        known.found(Found { path: rel("loaded.py"), here: None, name: None, there: None });
        assert_eq!(stale(&known), Vec::<String>::new(), "of what is gone here nothing is said");
    }

    #[test]
    fn nothing_is_said_of_the_remote_while_changes_are_on_their_way() {
        let mut known = knowledge(&[]);
        known.found(Found { path: rel("a.py"), here: None, name: None, there: Some(There::Missing) });
        assert!(known.note_mirroring(true));
        assert_eq!(known.there(&rel("a.py")), There::Unknown);
        assert!(!known.note_mirroring(true) && known.note_mirroring(false));
        assert_eq!(known.there(&rel("a.py")), There::Unknown, "until it is looked at again");
        assert_eq!(known.asked_about(), [rel("a.py")].into());
        known.found(Found { path: rel("a.py"), here: None, name: None, there: Some(There::Missing) });
        assert_eq!(known.there(&rel("a.py")), There::Missing);
    }
}
