//! `remora terminal`: the terminal that it was started in becomes one of the remote until the shell there ends.

use std::time::Duration;

use remora_agent::{Exit, TtySize};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::FAILED_TO_RUN;
use super::args::TerminalArgs;
use super::local_terminal::{News, Raw, Told, size};
use super::run::{Drive, Waited};
use super::target::Scene;
use super::voice::Voice;
use crate::event::Event;
use crate::event_loop::Engine;
use crate::fault::{self, Fault};
use crate::surface::Said;
use crate::terminal::{Input, Opened, Shown, TerminalId, TerminalRequest};

/// Where no terminal says another.
const USUAL: TtySize = TtySize { columns: 80, rows: 24 };
/// What a terminal sends for Ctrl-D.
const END_OF_INPUT: u8 = 4;
/// The exit status of a program that SIGQUIT ended, as shells have it.
const QUIT: u8 = 131;
/// What a person types and pastes at once.
const PIECE: usize = 16 * 1024;
/// How long the reason of a lost connection may lag behind the terminal's end: both are told at once, by two tasks.
const REASON_PATIENCE: Duration = Duration::from_secs(1);

pub(super) async fn run(args: TerminalArgs) -> u8 {
    let mut voice = Voice::new(false);
    let Some(scene) = Scene::or_said(&args.target, &mut voice) else { return FAILED_TO_RUN };
    let mut drive = Drive::start(scene, voice);
    let (status, faults) = show(&mut drive, args).await;
    for fault in &faults {
        drive.voice.fault(fault);
    }
    drive.leave().await;
    status
}

/// Opens one and shows it to its end: the exit status, and what is to be said when the terminal is ours again.
async fn show(drive: &mut Drive, args: TerminalArgs) -> (u8, Vec<Fault>) {
    let mut news = News::listen();
    let request = TerminalRequest {
        size: size().unwrap_or(USUAL),
        cwd: args.cwd,
        command: args.program,
        // What the terminal here understands; without it, the usual.
        env: ["TERM", "COLORTERM"]
            .iter()
            .filter_map(|name| Some(((*name).into(), std::env::var(name).ok()?)))
            .collect(),
    };
    let answer = drive.engine.request(|reply| Event::TerminalAsked(None, request, reply));
    let Opened { terminal, begin } = match drive.wait(answer, |_, _| {}).await {
        Waited::Signalled(signal) => return (signal.status(), Vec::new()),
        Waited::Answered(Err(fault)) => return (FAILED_TO_RUN, vec![fault]),
        Waited::Answered(Ok(opened)) => opened,
    };
    drop(begin);
    let raw = Raw::enter();
    let mut window = Window { engine: drive.engine.clone(), terminal, faults: Vec::new() };
    let typing = tokio::spawn(type_in(drive.engine.clone(), terminal));
    // It may have changed since it was asked for.
    window.resize();
    let status = window.follow(drive, &mut news).await;
    typing.abort();
    drop(raw);
    (status, window.faults)
}

/// A terminal there, shown in the one here.
struct Window {
    engine: Engine,
    terminal: TerminalId,
    /// What failed meanwhile: it would be lost in the picture.
    faults: Vec<Fault>,
}

impl Window {
    async fn follow(&mut self, drive: &mut Drive, news: &mut News) -> u8 {
        let (screen, writing) = screen();
        let exit = loop {
            tokio::select! {
                signal = drive.stop.next() => return signal.status(),
                told = news.next() => match told {
                    Told::Resized => self.resize(),
                    Told::Quit => return QUIT,
                },
                Some(said) = drive.said.recv() => match said {
                    Said::TerminalOutput(_, shown) => drop(screen.send(shown)),
                    Said::TerminalEnded(_, exit) => break exit,
                    Said::Fault(fault) => self.faults.push(fault),
                    said => drop(drive.pass_on(said)),
                },
            }
        };
        drop(screen);
        tokio::select! {
            // All that was shown before the end is seen first, by whoever reads it.
            _ = writing => {}
            signal = drive.stop.next() => return signal.status(),
        }
        let status = match exit {
            Some(Exit::Code(code)) => code & 0xff,
            Some(Exit::Signal(signal)) => 128 + signal,
            None => {
                self.learn_reason(drive).await;
                return FAILED_TO_RUN;
            }
        };
        u8::try_from(status).unwrap_or(FAILED_TO_RUN)
    }

    /// Why the connection was lost.
    async fn learn_reason(&mut self, drive: &mut Drive) {
        let told = async {
            while self.faults.is_empty() {
                match drive.said.recv().await {
                    Some(Said::Fault(fault)) => self.faults.push(fault),
                    Some(said) => drop(drive.pass_on(said)),
                    None => return,
                }
            }
        };
        let in_time = tokio::time::timeout(REASON_PATIENCE, told).await.is_ok();
        if !in_time || self.faults.is_empty() {
            self.faults.push(fault::terminal_lost());
        }
    }

    fn resize(&self) {
        if let Some(size) = size() {
            self.engine.tell(Event::TerminalUsed(self.terminal, Input::Resized(size)));
        }
    }
}

/// Writes what is shown in a task of its own, so that signals are heard while nobody reads it.
fn screen() -> (mpsc::UnboundedSender<Shown>, JoinHandle<()>) {
    // One piece at most is in there: the next comes when it has been dropped.
    let (screen, mut pieces) = mpsc::unbounded_channel::<Shown>();
    let writing = tokio::spawn(async move {
        let mut stdout = tokio::io::stdout();
        while let Some(shown) = pieces.recv().await {
            if stdout.write_all(&shown.data).await.is_err() || stdout.flush().await.is_err() {
                return;
            }
        }
    });
    (screen, writing)
}

/// Passes on what comes on standard input; its end is typed.
async fn type_in(engine: Engine, terminal: TerminalId) {
    let mut stdin = tokio::io::stdin();
    let mut piece = vec![0; PIECE];
    loop {
        let count = stdin.read(&mut piece).await.unwrap_or(0);
        let typed = if count > 0 { piece[..count].to_vec() } else { vec![END_OF_INPUT] };
        engine.tell(Event::TerminalUsed(terminal, Input::Typed(typed)));
        if count == 0 {
            return;
        }
    }
}
