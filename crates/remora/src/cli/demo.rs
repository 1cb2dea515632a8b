//! `remora demo`: the main job on a scratch "remote" on this machine, with a built-in debug client.
//! Leaves nothing behind but the debugger in the cache.

use std::path::Path;
use std::time::Duration;

use remora_debug::DebugType;
use remora_debug::dap::{Client, ClientError};
use remora_model::text::Decoder;
use remora_model::{LocalPath, Settings, Target, TransportSpec};
use serde_json::json;

use super::FAILED;
use super::args::DemoArgs;
use super::run::{Drive, Waited};
use super::target::Scene;
use super::voice::{Voice, exit_words};
use crate::event::Event;
use crate::fault::{Fault, Kind};
use crate::launch::{self, Entry};
use crate::state::Workspace;
use crate::surface::{DebugRequest, Listening, Said};
use crate::target_entry;

const APP: &str = include_str!("../../../../examples/demo/app.py");
const ORDERS: &str = include_str!("../../../../examples/demo/orders.py");
/// The comment that marks the interesting line of the example.
const MARK: &str = "# BREAKPOINT";

/// Everything is on this machine and small; what takes longer than this hangs.
const PATIENCE: Duration = Duration::from_secs(60);

pub(super) async fn run(args: DemoArgs) -> u8 {
    let mut voice = Voice::new(args.json);
    let folder = match Folder::new() {
        Ok(folder) => folder,
        Err(error) => {
            voice.fault(&Fault::new(
                Kind::LocalUnwritable,
                format!("Can't make a scratch folder: {error}."),
                "Free some space in the temporary folder.",
            ));
            return FAILED;
        }
    };
    let mut demo = Demo { drive: Drive::start(folder.scene(), voice), out: Decoder::default(), exited: false };
    let result = tokio::time::timeout(PATIENCE, demo.play(&folder)).await;
    let result = result.unwrap_or_else(|_| Err(failed("it did not finish in time")));
    if let Err(fault) = &result {
        demo.drive.voice.fault(fault);
    }
    demo.drive.leave().await;
    if result.is_ok() { 0 } else { FAILED }
}

/// The scratch folder: the project here and its place "there".
struct Folder {
    folder: tempfile::TempDir,
    local: LocalPath,
}

impl Folder {
    fn new() -> std::io::Result<Self> {
        let folder = tempfile::Builder::new().prefix("remora-demo-").tempdir()?;
        let here = folder.path().join("here");
        std::fs::create_dir(&here)?;
        std::fs::write(here.join("app.py"), APP)?;
        std::fs::write(here.join("orders.py"), ORDERS)?;
        let local = LocalPath::new(here).map_err(std::io::Error::other)?;
        Ok(Self { folder, local })
    }

    fn scene(&self) -> Scene {
        let target = Target {
            remote_root: Some(self.folder.path().join("there").display().to_string()),
            ..target_entry::bare("demo".into(), TransportSpec::Local)
        };
        let workspace = Workspace {
            root: self.local.clone(),
            records: None,
            watch: false,
            reconnect: false,
            overwrite: false,
            delete_many: false,
            large_too: false,
        };
        Scene { workspace, settings: Settings { targets: vec![target.clone()], ..Settings::default() }, target }
    }

    fn file(&self, name: &str) -> String {
        self.local.as_path().join(name).display().to_string()
    }
}

/// A demo under way.
struct Demo {
    drive: Drive,
    out: Decoder,
    exited: bool,
}

impl Demo {
    async fn play(&mut self, folder: &Folder) -> Result<(), Fault> {
        let request = DebugRequest { file: Some(folder.file("app.py").into()), ..DebugRequest::default() };
        let answer = self.drive.engine.request(|reply| Event::DebugAsked(None, request, reply));
        let listening = self.ask(answer).await?;
        self.announce(&listening);
        let mut client = self.look(&listening, folder).await?;
        // As an editor does: the debugger waits for its client's good-bye before it goes.
        client.terminated().await.map_err(broken)?;
        client.disconnect(false).await.map_err(broken)?;
        self.see_the_end().await?;
        self.show_launch_json().await
    }

    /// Waits for an answer of the loop; a signal ends the demo.
    async fn ask<T>(&mut self, answer: tokio::sync::oneshot::Receiver<Result<T, Fault>>) -> Result<T, Fault> {
        let mut later = Vec::new();
        let waited = self.drive.wait(answer, |_, said| later.push(said)).await;
        later.into_iter().for_each(|said| self.hear(said));
        match waited {
            Waited::Answered(result) => result,
            Waited::Signalled(_) => Err(Fault::new(Kind::Cancelled, "The demo was interrupted.", "Start it again.")),
        }
    }

    fn announce(&mut self, listening: &Listening) {
        let event = json!({
            "event": "listening",
            "host": listening.place().host,
            "port": listening.place().port,
            "configuration": listening.configuration,
        });
        self.drive.voice.say(&event, &format!("the program waits for a debugger at {}", listening.place()));
    }

    /// Sets a breakpoint by its local path, stops at it, and shows the frame and its variables.
    async fn look(&mut self, listening: &Listening, folder: &Folder) -> Result<Client, Fault> {
        let file = folder.file("orders.py");
        let line = line_of(ORDERS, MARK);
        let breakpoints: &[(&str, &[u32])] = &[(&file, &[line])];
        let mut client = Client::by_configuration(&listening.configuration, breakpoints).await.map_err(broken)?;
        let (thread, reason) = client.stopped().await.map_err(broken)?;
        let stack = client.stack(thread).await.map_err(broken)?;
        let frame = stack.first().ok_or_else(|| failed("the stack is empty"))?;
        if frame.line != line || Path::new(&frame.path) != Path::new(&file) {
            return Err(failed(&format!("it stopped at {} line {} instead", frame.path, frame.line)));
        }
        let variables = client.variables(frame.id).await.map_err(broken)?;
        let mut words = format!("stopped ({reason}) in {}, {} line {}", frame.name, frame.path, frame.line);
        let mut shown = serde_json::Map::new();
        for variable in variables.iter().filter(|variable| !variable.name.contains(' ')) {
            words.push_str(&format!("\n    {} = {}", variable.name, variable.value));
            shown.insert(variable.name.clone(), json!(variable.value));
        }
        let event = json!({
            "event": "stopped", "reason": reason, "function": frame.name, "path": frame.path, "line": frame.line,
            "variables": shown,
        });
        self.drive.voice.say(&event, &words);
        client.set_breakpoints(&file, &[]).await.map_err(broken)?;
        client.go_on(thread).await.map_err(broken)?;
        Ok(client)
    }

    async fn see_the_end(&mut self) -> Result<(), Fault> {
        while !self.exited {
            tokio::select! {
                _ = self.drive.stop.next() => return Err(failed("it was interrupted")),
                said = self.drive.said.recv() => match said {
                    Some(said) => self.hear(said),
                    None => return Err(failed("the event loop ended")),
                },
            }
        }
        Ok(())
    }

    fn hear(&mut self, said: Said) {
        match self.drive.pass_on(said) {
            Some(Said::Output(_, stream, data)) => {
                let text = self.out.decode(&data);
                let error = stream == remora_debug::OutputStream::Stderr;
                self.drive.voice.output(error, &data, &text);
            }
            Some(Said::Exited(_, exit)) => {
                self.exited = true;
                let (event, words) = exit_words(exit);
                self.drive.voice.say(&event, &words);
            }
            _ => {}
        }
    }

    async fn show_launch_json(&mut self) -> Result<(), Fault> {
        let answer = self.drive.engine.request(|reply| Event::RootAsked(None, reply));
        let rooted = self.ask(answer).await?;
        let text = launch::update("", Entry { name: None, port: None, debug_type: DebugType::default(), rooted })?;
        let event = json!({"event": "launch_json", "text": text});
        self.drive.voice.say(&event, &format!("the generated launch.json:\n{text}"));
        Ok(())
    }
}

fn line_of(text: &str, mark: &str) -> u32 {
    let at = text.lines().position(|line| line.contains(mark)).unwrap_or(0);
    u32::try_from(at + 1).unwrap_or(1)
}

fn broken(error: ClientError) -> Fault {
    failed(&error.to_string()).because(&error)
}

fn failed(why: &str) -> Fault {
    Fault::new(Kind::Internal, format!("The demo failed: {why}."), "Run it again with RUST_LOG=debug and report it.")
}
