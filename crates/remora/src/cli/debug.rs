//! `remora debug`: mirrors, starts the program there, and is its terminal until it ends.

use std::path::{Path, PathBuf};

use remora_agent::{Exit, StreamWriter};
use remora_debug::{Endpoint, Listen, OutputStream};
use remora_model::text::Decoder;
use remora_model::{Debugger, OnStale};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::FAILED_TO_RUN;
use super::args::{DebugArgs, DebuggerArg, OnStaleArg, TargetArgs};
use super::run::{Drive, Signal, Waited};
use super::target::{Scene, absolute};
use super::voice::{Voice, exit_words};
use crate::event::Event;
use crate::fault::{Fault, Kind};
use crate::panel::named;
use crate::surface::{DebugRequest, Listening, Said, SessionId};
use crate::test_name::Test;

pub(super) async fn run(args: DebugArgs) -> u8 {
    follow(Voice::new(args.json), &args.target, args.in_code, |scene| {
        scene.workspace.overwrite = args.overwrite;
        request(&args)
    })
    .await
}

/// Is the terminal of what `request` asks for until it ends; `runs` says whether the program's own code may run at once.
pub(super) async fn follow(
    mut voice: Voice,
    target: &TargetArgs,
    runs: bool,
    request: impl FnOnce(&mut Scene) -> Result<DebugRequest, Fault>,
) -> u8 {
    let prepared = Scene::of(target).and_then(|mut scene| Ok((request(&mut scene)?, scene)));
    let (request, mut scene) = match prepared {
        Ok(prepared) => prepared,
        Err(fault) => {
            voice.fault(&fault);
            return FAILED_TO_RUN;
        }
    };
    scene.workspace.watch = true;
    Terminal::new(Drive::start(scene, voice), runs, false).until_the_end(request).await
}

/// Attaches to what `request` says runs there already, and stays until it ends or the user has enough.
pub(super) async fn attach(drive: Drive, request: DebugRequest) -> u8 {
    Terminal::new(drive, true, true).until_the_end(request).await
}

fn request(args: &DebugArgs) -> Result<DebugRequest, Fault> {
    let root = args.target.place.root.as_deref();
    let mut request = DebugRequest::default();
    let rest = match args.program.as_slice() {
        [flag, module, rest @ ..] if flag == "-m" && !args.pytest => {
            request.module = Some(module.clone());
            rest
        }
        [flag, ..] if flag.starts_with('-') => return Err(wrong_flag(flag)),
        [test, rest @ ..] if args.pytest => {
            let test = Test::read(test, Path::new(""));
            request.test = Some(Test { file: existing(&test.file, root)?, ..test });
            rest
        }
        [file, rest @ ..] => {
            request.file = Some(program(file, root)?);
            rest
        }
        [] => return Err(wrong_flag("")),
    };
    Ok(DebugRequest {
        args: rest.to_vec(),
        cwd: args.cwd.clone(),
        env: args.env.iter().cloned().collect(),
        python: None,
        run_as: args.run_as.clone(),
        debugger: args.debugger.map(|debugger| match debugger {
            DebuggerArg::Auto => Debugger::Auto,
            DebuggerArg::Debugpy => Debugger::Debugpy,
            DebuggerArg::Ptvsd => Debugger::Ptvsd,
        }),
        in_code: args.in_code,
        detach: args.detach,
        exposure: args.exposure,
        address: args.address.clone(),
        // Nobody can be asked, and a client that attached would not find what is started anew.
        on_stale: Some(match args.on_stale {
            OnStaleArg::Reload => OnStale::Reload,
            OnStaleArg::Keep => OnStale::Keep,
        }),
        listen: args.listen.map(|address| Listen::Port {
            host: address.ip(),
            port: address.port(),
            exact: address.port() != 0,
        }),
        ..request
    })
}

fn wrong_flag(flag: &str) -> Fault {
    Fault::new(
        Kind::BadRequest,
        format!("{flag:?} is neither an option of `remora debug` nor a program."),
        "Give a FILE, or -m MODULE; options stand before it (see `remora debug --help`).",
    )
}

/// The program's file.
fn program(file: &str, root: Option<&Path>) -> Result<PathBuf, Fault> {
    let path = existing(Path::new(file), root)?;
    if path.is_dir() { Err(missing(Path::new(file), "it is a folder")) } else { Ok(path) }
}

/// A path below the present folder, as every command has it, or else below `--root`.
fn existing(file: &Path, root: Option<&Path>) -> Result<PathBuf, Fault> {
    let places = [Some(file.to_owned()), root.map(|root| root.join(file))];
    let paths: Vec<PathBuf> = places.into_iter().flatten().filter_map(|place| absolute(&place).ok()).collect();
    let path = paths.iter().find(|path| path.exists()).or(paths.first());
    let path = path.ok_or_else(|| missing(file, "it is no path"))?;
    match std::fs::metadata(path) {
        Ok(_) => Ok(path.clone()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err(missing(file, "there is no such file")),
        Err(error) => Err(missing(file, &error.to_string())),
    }
}

fn missing(file: &Path, why: &str) -> Fault {
    Fault::new(
        Kind::FileMissing,
        format!("Can't debug {}: {why}.", file.display()),
        "Name a Python file of the folder that is mirrored (--root).",
    )
}

/// Is the program's terminal.
struct Terminal {
    drive: Drive,
    output: Output,
    /// Whether the program's own code runs, or has run: it does so once a debugger attached, or at once when
    /// it calls its debugger itself.
    runs: bool,
    /// Whether it runs on when this ends, and is not ours to interrupt.
    attaches: bool,
    /// The name of the run, if it goes on without us.
    held: Option<String>,
}

/// What the program writes, on its way to our own output.
#[derive(Default)]
pub(super) struct Output {
    out: Decoder,
    err: Decoder,
}

impl Output {
    pub(super) fn write(&mut self, voice: &mut Voice, stream: OutputStream, data: &[u8]) {
        let error = stream == OutputStream::Stderr;
        let decoder = if error { &mut self.err } else { &mut self.out };
        voice.output(error, data, &decoder.decode(data));
    }

    /// An unfinished character at the end is written as what it is.
    pub(super) fn finish(&mut self, voice: &mut Voice) {
        voice.output(false, &[], &self.out.finish());
        voice.output(true, &[], &self.err.finish());
    }
}

impl Terminal {
    fn new(drive: Drive, runs: bool, attaches: bool) -> Self {
        Self { drive, output: Output::default(), runs, attaches, held: None }
    }

    async fn until_the_end(mut self, request: DebugRequest) -> u8 {
        let status = self.debug(request).await;
        self.drive.leave().await;
        status
    }

    async fn debug(&mut self, request: DebugRequest) -> u8 {
        let answer = self.drive.engine.request(|reply| Event::DebugAsked(None, request, reply));
        // A program that calls its debugger itself may write for long before it does. Its end is told later.
        let mut ended = Vec::new();
        let output = &mut self.output;
        let waited = self.drive.wait(answer, |voice, said| match said {
            Said::Output(_, stream, data) => output.write(voice, stream, &data),
            said => ended.push(said),
        });
        let listening = match waited.await {
            Waited::Signalled(signal) => return signal.status(),
            Waited::Answered(result) => result,
        };
        let listening = match listening {
            Ok(listening) => listening,
            Err(fault) => {
                self.output.finish(&mut self.drive.voice);
                self.drive.voice.fault(&fault);
                return FAILED_TO_RUN;
            }
        };
        let session = listening.session;
        self.announce(listening);
        match ended.into_iter().fold(None, |status, said| self.hear(said).or(status)) {
            Some(status) => status,
            None => self.follow(session).await,
        }
    }

    fn announce(&mut self, listening: Listening) {
        let place = listening.place();
        let dials = matches!(listening.endpoint, Endpoint::Client(_));
        let event = json!({
            "event": if dials { "dialling" } else { "listening" },
            "host": place.host,
            "port": place.port,
            "configuration": listening.configuration,
            "run": listening.run,
        });
        let configuration = serde_json::to_string_pretty(&listening.configuration).unwrap_or_default();
        let words = match dials {
            true => format!("the program dials a debugger that listens here at {place}; listen with\n{configuration}"),
            false => format!("waiting for a debugger at {place}; attach with\n{configuration}"),
        };
        self.drive.voice.say(&event, &words);
        if let Some(run) = &listening.run {
            let words = format!(
                "this is run {run}: it goes on without this command; come back with `remora runs attach {run}`"
            );
            self.drive.voice.say(&json!({"event": "detached", "run": run}), &words);
        }
        self.held = listening.run;
        if let Some(stdin) = listening.stdin {
            tokio::spawn(feed(stdin));
        }
    }

    /// Passes on what the session says; gives the exit status when it is over.
    fn hear(&mut self, said: Said) -> Option<u8> {
        match self.drive.pass_on(said)? {
            Said::Output(_, stream, data) => {
                self.output.write(&mut self.drive.voice, stream, &data);
                None
            }
            Said::Attached => {
                self.runs = true;
                None
            }
            Said::Offer(offer, _) => {
                let event = json!({"event": "waits", "message": offer.said, "remedy": offer.remedy});
                self.drive.voice.say(&event, &format!("{} {}", offer.said, offer.remedy));
                None
            }
            Said::Stale(files) => {
                self.stale(&files);
                None
            }
            Said::Exited(_, exit) => Some(self.exited(exit)),
            Said::SessionLost(..) => {
                self.output.finish(&mut self.drive.voice);
                Some(FAILED_TO_RUN)
            }
            _ => None,
        }
    }

    fn stale(&mut self, files: &[String]) {
        let words = match files {
            [] => "the program runs what is here".to_owned(),
            files => format!("the program runs another text of {} than what is here", named(files, files.len())),
        };
        self.drive.voice.say(&json!({"event": "stale", "files": files}), &words);
    }

    fn exited(&mut self, exit: Exit) -> u8 {
        self.output.finish(&mut self.drive.voice);
        if self.attaches {
            // With what status, its parent alone is told.
            self.drive.voice.say(&json!({"event": "ended"}), "the program has ended");
            return 0;
        }
        let (event, words) = exit_words(exit);
        self.drive.voice.say(&event, &words);
        let status = match exit {
            Exit::Code(code) => code & 0xff,
            Exit::Signal(signal) => 128 + signal,
        };
        u8::try_from(status).unwrap_or(FAILED_TO_RUN)
    }

    /// Until the program ends. Ctrl-C interrupts it; a second one, or another signal, ends it. So does the first
    /// while it still waits for a debugger: there is nothing of the user's to interrupt yet. A detached run is left.
    async fn follow(&mut self, session: SessionId) -> u8 {
        let mut interrupted = false;
        loop {
            tokio::select! {
                signal = self.drive.stop.next() => {
                    if let Some(run) = &self.held {
                        let words = format!("run {run} goes on; end it with `remora runs stop {run}`");
                        self.drive.voice.say(&json!({"event": "left", "run": run}), &words);
                        return 0;
                    }
                    if signal != Signal::Interrupt || interrupted || !self.runs || self.attaches {
                        return signal.status();
                    }
                    interrupted = true;
                    self.drive.engine.tell(Event::InterruptAsked(session));
                }
                Some(said) = self.drive.said.recv() => {
                    if let Some(status) = self.hear(said) {
                        return status;
                    }
                }
            }
        }
    }
}

/// Carries our standard input to the program's until it ends.
async fn feed(mut stdin: StreamWriter) {
    let mut ours = tokio::io::stdin();
    let mut piece = vec![0; 16 * 1024];
    loop {
        match ours.read(&mut piece).await {
            Ok(0) | Err(_) => break,
            Ok(read) => {
                if stdin.write_all(&piece[..read]).await.is_err() {
                    return;
                }
            }
        }
    }
    let _ = stdin.shutdown().await;
}
