//! Owns what one client is told of the truth of its lines: a breakpoint or a frame whose text is not the same here,
//! there and in the process is marked, with the reason, and said once. What is the same passes as it came. Pure: it
//! judges by what is known when a message passes, and corrects itself when more is known.

mod code;
mod diagnosis;
mod knowledge;
mod marks;
mod points;
mod project;
mod scout;
#[cfg(test)]
mod tests;
mod verdict;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use serde_json::{Value, json};

pub(crate) use code::Compiler;
pub(crate) use diagnosis::{Reach, cause};
pub(crate) use knowledge::Knowledge;
use marks::Shown;
use points::Asked;
use project::File;
pub(crate) use project::Project;
pub(crate) use scout::{Presence, Scout};
use verdict::{Loaded, Verdict};

use super::translator::Facts;
use crate::dap::envelope::{Envelope, Kind};
use crate::dap::frames::Frame;
use crate::request::{Difference, Notice};

/// Stands between one client and all that it is told.
pub(crate) struct Identity {
    facts: Arc<Facts>,
    /// The process that is debugged; nothing for the program's own.
    process: Option<u32>,
    /// Whether a client attaches, by which its own path mappings are all that there are.
    mapped_by_client: bool,
    /// The client's own path mappings: a local folder, and a remote one.
    mappings: Vec<(String, String)>,
    /// Whether the client asks again for what it is told not to hold any more.
    can_ask_again: bool,
    /// The file that a request is about and the lines that it asks for, by the request's number.
    asked: HashMap<i64, (String, Vec<Asked>)>,
    /// By local paths, as the client writes them.
    breakpoints: BTreeMap<String, Vec<Shown>>,
    /// Whether what others know of the client is not true any more.
    changed: bool,
    /// What was shown of the files in the last stack.
    frames: BTreeMap<File, Told>,
    /// Files that the client was told of.
    told: BTreeSet<File>,
}

/// What a stack told of a file.
#[derive(PartialEq, Eq)]
struct Told {
    difference: Option<Difference>,
    /// Whether the checksum of its text went along.
    is_summed: bool,
}

/// What a message becomes.
pub(crate) struct Judged {
    pub(crate) frame: Frame,
    /// Events of ours to be told after it.
    pub(crate) events: Vec<Value>,
    /// Files to be looked at again.
    pub(crate) look: Vec<File>,
    /// What it says of a process that its witness has not seen.
    pub(crate) seen: Vec<Value>,
}

impl Identity {
    pub(crate) fn new(facts: Arc<Facts>) -> Self {
        Self {
            facts,
            process: None,
            mapped_by_client: false,
            mappings: Vec::new(),
            can_ask_again: false,
            asked: HashMap::new(),
            breakpoints: BTreeMap::new(),
            changed: false,
            frames: BTreeMap::new(),
            told: BTreeSet::new(),
        }
    }

    /// Sees a message of the client; the files that are to be looked at because of it.
    pub(crate) fn client(&mut self, frame: &Frame) -> Vec<File> {
        let Some(envelope) = Envelope::read(frame).filter(|envelope| envelope.kind == Kind::Request) else {
            return Vec::new();
        };
        match envelope.name.as_str() {
            "initialize" => {
                self.can_ask_again = arguments(frame)["supportsInvalidatedEvent"] == true;
                Vec::new()
            }
            "attach" | "launch" => {
                self.mapped_by_client = self.facts.socket.is_none() && envelope.name == "attach";
                self.began(&arguments(frame));
                Vec::new()
            }
            "setBreakpoints" => {
                let arguments = arguments(frame);
                let Some(path) = arguments["source"]["path"].as_str().map(str::to_owned) else {
                    return Vec::new();
                };
                let file = self.file(&path);
                self.asked.insert(envelope.seq, (path, Asked::all(&arguments)));
                file.into_iter().collect()
            }
            _ => Vec::new(),
        }
    }

    fn began(&mut self, arguments: &Value) {
        self.process = arguments["subProcessId"].as_u64().and_then(|pid| u32::try_from(pid).ok());
        let text = |mapping: &Value, name: &str| mapping[name].as_str().map(str::to_owned);
        let mappings = arguments["pathMappings"].as_array().into_iter().flatten();
        self.mappings =
            mappings.filter_map(|mapping| text(mapping, "localRoot").zip(text(mapping, "remoteRoot"))).collect();
        self.changed = true;
    }

    /// A message for the client.
    pub(crate) fn judge(&mut self, frame: Frame, known: &Knowledge) -> Judged {
        let mut judged = Judged { frame, events: Vec::new(), look: Vec::new(), seen: Vec::new() };
        let Some(envelope) = Envelope::read(&judged.frame) else { return judged };
        match (envelope.kind, envelope.name.as_str()) {
            (Kind::Response, "initialize") => change(&mut judged.frame, |message| {
                let able = message["success"] == true && message["body"].is_object();
                if able {
                    message["body"]["supportedChecksumAlgorithms"] = json!(["SHA256"]);
                }
                able
            }),
            (Kind::Response, "setBreakpoints") => {
                if let Some((path, asked)) = envelope.request_seq.and_then(|seq| self.asked.remove(&seq)) {
                    let file = self.file(&path);
                    change(&mut judged.frame, |message| self.breakpoints_set(path, &asked, message, known));
                    judged.events = self.tell(&file.into_iter().collect::<Vec<_>>(), known);
                }
            }
            (Kind::Event, "stopped") => self.frames.clear(),
            (Kind::Event, "breakpoint") => {
                change(&mut judged.frame, |message| self.breakpoint_changed(&mut message["body"], known));
            }
            (Kind::Response, "stackTrace") => {
                change(&mut judged.frame, |message| self.stack_shown(message, known));
                judged.look = self.frames.keys().cloned().collect();
                judged.seen = self.unseen(known);
                judged.events = self.tell(&judged.look, known);
            }
            _ => {}
        }
        judged
    }

    fn stack_shown(&mut self, message: &mut Value, known: &Knowledge) -> bool {
        let Some(frames) = message["body"]["stackFrames"].as_array_mut() else { return false };
        let mut changed = false;
        for frame in frames {
            // From the process itself, after a reload.
            let is_old = frame.as_object_mut().is_some_and(|frame| frame.remove("remora").is_some());
            changed |= is_old;
            let Some(file) = frame["source"]["path"].as_str().and_then(|path| self.file(path)) else { continue };
            let told = self.of_stack(&file, known);
            changed |= self.sum(frame.get_mut("source"), &file, known);
            let replaced = is_old.then_some(&Difference::Replaced);
            if let Some(difference) = told.difference.as_ref().or(replaced) {
                frame["presentationHint"] = json!("subtle");
                frame["source"]["origin"] = json!(self.reason(difference));
                changed = true;
            }
            self.frames.insert(file, told);
        }
        changed
    }

    /// Files of which lines run, and which the process was not seen to load: they came some other way.
    fn unseen(&self, known: &Knowledge) -> Vec<Value> {
        let Some(pid) = self.process(known) else { return Vec::new() };
        let files = self.frames.keys().filter(|file| known.loaded(Some(pid), file) == Loaded::Nothing);
        let path = |file| self.facts.project.there(file).to_string();
        files.map(|file| json!({"said": "present", "pid": pid, "path": path(file)})).collect()
    }

    /// Adds the checksum of the text that the process has.
    fn sum(&self, source: Option<&mut Value>, file: &File, known: &Knowledge) -> bool {
        let Some(source) = source.filter(|source| source.is_object()) else { return false };
        let Loaded::Text(text) = known.loaded(self.process(known), file) else { return false };
        let hex: String = text.iter().map(|byte| format!("{byte:02x}")).collect();
        source["checksums"] = json!([{"algorithm": "SHA256", "checksum": hex}]);
        true
    }

    /// More is known: what the client is to hear of it.
    pub(crate) fn learned(&mut self, known: &Knowledge) -> Vec<Value> {
        let mut events = self.breakpoints_learned(known);
        let mut turned = false;
        let files: Vec<File> = self.frames.keys().cloned().collect();
        for file in files {
            // A stop may be quicker than the word of what was loaded for it.
            let told = self.of_stack(&file, known);
            turned |= self.frames.get(&file) != Some(&told);
            self.frames.insert(file, told);
        }
        if turned && self.can_ask_again {
            events.push(event("invalidated", &json!({"areas": ["stacks"]})));
        }
        let stops = self.breakpoints.keys().filter_map(|path| self.file(path));
        let files: Vec<File> = stops.chain(self.frames.keys().cloned()).collect();
        events.extend(self.tell(&files, known));
        events
    }

    /// Says of each of these files once that it differs, and again when it has not for a while.
    fn tell(&mut self, files: &[File], known: &Knowledge) -> Vec<Value> {
        let mut events = Vec::new();
        for file in files {
            let stops = self.has_breakpoints(file);
            let shown = stops || self.frames.contains_key(file);
            let verdict = if stops { self.of_file(file, known) } else { self.of_frame(file, known) };
            if verdict == Verdict::Same {
                self.told.remove(file);
            }
            if let Verdict::Not(difference) = verdict
                && shown
                && self.told.insert(file.clone())
            {
                let said = (self.facts.words)(&Notice::Differs { file: self.facts.project.name(file), difference });
                let body = json!({"category": "important", "output": format!("{said}\n")});
                events.push(event("output", &body));
            }
        }
        events
    }

    fn of_file(&self, file: &File, known: &Knowledge) -> Verdict {
        verdict::of_file(&known.loaded(self.process(known), file), known.here(file), known.there(file))
    }

    fn of_frame(&self, file: &File, known: &Knowledge) -> Verdict {
        verdict::of_frame(&known.loaded(self.process(known), file), known.here(file), known.there(file))
    }

    /// What a stack says of a file.
    fn of_stack(&self, file: &File, known: &Knowledge) -> Told {
        let is_summed = matches!(known.loaded(self.process(known), file), Loaded::Text(_));
        Told { difference: self.of_frame(file, known).difference().cloned(), is_summed }
    }

    fn process(&self, known: &Knowledge) -> Option<u32> {
        self.process.or(known.main())
    }

    fn reason(&self, difference: &Difference) -> String {
        (self.facts.words)(&Notice::Reason(difference.clone()))
    }
}

fn event(name: &str, body: &Value) -> Value {
    json!({"seq": 0, "type": "event", "event": name, "body": body})
}

fn arguments(frame: &Frame) -> Value {
    let mut message: Value = serde_json::from_slice(frame.body()).unwrap_or_default();
    message.get_mut("arguments").map(Value::take).unwrap_or_default()
}

/// Rewrites a message if there is anything to be changed.
fn change(frame: &mut Frame, edit: impl FnOnce(&mut Value) -> bool) {
    if let Ok(mut message) = serde_json::from_slice::<Value>(frame.body())
        && edit(&mut message)
    {
        *frame = Frame::new(message.to_string().as_bytes());
    }
}
