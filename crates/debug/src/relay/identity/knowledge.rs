//! Owns what is known of the project's files: what each process has loaded, what stands here, and what stands there.
//! Pure; it is told.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use serde_json::Value;

use super::project::{File, Project};
use super::verdict::{Here, Loaded, Sha256, There};

/// What is known. Grows by what is said and found, and forgets nothing but what is replaced.
#[derive(Debug)]
pub(crate) struct Knowledge {
    project: Arc<Project>,
    /// The program's own process.
    main: Option<u32>,
    processes: HashMap<u32, Process>,
    here: HashMap<File, Option<Here>>,
    there: HashMap<File, There>,
    /// Another name of the same file here: where its links lead.
    names: HashMap<File, File>,
    /// Whether changes are on their way: what the remote has is about to change, and nothing is said of it.
    mirroring: bool,
}

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
            here: HashMap::new(),
            there: HashMap::new(),
            names: HashMap::new(),
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
            "began" => {
                self.processes.insert(pid, Process::default());
                return None;
            }
            "loaded" => {
                let loaded = match said["sha256"].as_str() {
                    Some(hex) => Loaded::Text(sha256(hex)?),
                    None => Loaded::Other,
                };
                (text("path")?, loaded)
            }
            "elsewhere" => (text("path")?, Loaded::Elsewhere { module: text("module")?, from: text("loaded")? }),
            _ => return None,
        };
        let process = self.processes.entry(pid).or_default();
        for path in [Some(path.clone()), text("real")].into_iter().flatten() {
            let known = process.files.get(&path);
            // A module of two files: the one that was loaded says more.
            if !matches!((known, &loaded), (Some(Loaded::Text(_) | Loaded::Other), Loaded::Elsewhere { .. })) {
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
        self.here.insert(path, here);
    }

    pub(crate) fn note_mirroring(&mut self, mirroring: bool) -> bool {
        std::mem::replace(&mut self.mirroring, mirroring) != mirroring
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

fn sha256(hex: &str) -> Option<Sha256> {
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
    fn nothing_is_said_of_the_remote_while_changes_are_on_their_way() {
        let mut known = knowledge(&[]);
        known.found(Found { path: rel("a.py"), here: None, name: None, there: Some(There::Missing) });
        assert!(known.note_mirroring(true));
        assert_eq!(known.there(&rel("a.py")), There::Unknown);
        assert!(!known.note_mirroring(true) && known.note_mirroring(false));
        assert_eq!(known.there(&rel("a.py")), There::Missing);
    }
}
