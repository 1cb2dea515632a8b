//! Owns the proof that a process on a pseudo-terminal is as on a terminal of that machine, and ends as others do.

use remora_agent::{Exit, Expect, Link, OpErrorKind, Process, ProcessEvent, RunSpec, SpawnSpec, TtySize};
use tokio::io::AsyncWriteExt as _;

use crate::files::spec;
use crate::live::argv;
use crate::processes::census;
use crate::rig::{OneByOne as _, Rig, kind};

/// Typed at a shell: something in the foreground that says when it is there (its echo does not).
const FOREGROUND: &str = "sh -c 'echo be\"\"gun; exec sleep 600'\n";

/// What a terminal showed since the last look.
pub(crate) struct Screen {
    pub(crate) process: Process,
    shown: String,
}

impl Screen {
    pub(crate) fn of(process: Process) -> Self {
        Self { process, shown: String::new() }
    }

    async fn start(link: &Link, words: &[&str]) -> Self {
        Self::marked(link, words, "terminal").await
    }

    async fn marked(link: &Link, words: &[&str], mark: &str) -> Self {
        let env = [("REMORA_TEST_MARK", mark), ("PS1", "$ "), ("HISTFILE", "")];
        let env = env.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let tty = Some(TtySize { columns: 100, rows: 30 });
        Self::of(link.spawn(SpawnSpec { argv: argv(words), env, tty, ..Default::default() }).await.unwrap())
    }

    /// A shell as somebody uses it.
    async fn shell(link: &Link, mark: &str) -> Self {
        Self::marked(link, &["bash", "--norc", "--noprofile", "-i"], mark).await
    }

    pub(crate) async fn types(&mut self, text: &str) {
        self.process.stdin.write_all(text.as_bytes()).await.unwrap();
    }

    /// Waits until `text` is shown, and forgets everything up to it.
    pub(crate) async fn until(&mut self, text: &str) {
        loop {
            if let Some(at) = self.shown.find(text) {
                self.shown.drain(..at + text.len());
                return;
            }
            match self.process.next().await.unwrap() {
                ProcessEvent::Stdout(bytes) => self.shown.push_str(&String::from_utf8_lossy(&bytes)),
                other => panic!("{text:?} was expected, not {other:?} after {:?}", self.shown),
            }
        }
    }

    /// Waits for the exit.
    pub(crate) async fn end(&mut self) -> Exit {
        loop {
            match self.process.next().await.unwrap() {
                ProcessEvent::Stdout(bytes) => self.shown.push_str(&String::from_utf8_lossy(&bytes)),
                ProcessEvent::Stderr(bytes) => panic!("a terminal has one channel: {bytes:?}"),
                ProcessEvent::Exited(exit) => return exit,
            }
        }
    }
}

#[tokio::test]
async fn a_program_sees_a_terminal_of_the_size_that_was_asked_for() {
    let rig = Rig::start().await;
    let script = "tty; stty size; echo $TERM; test -t 0 && test -t 1 && test -t 2 && echo all of them >&2; exit 3";
    let mut screen = Screen::start(&rig.link, &["sh", "-c", script]).await;
    for shown in ["/dev/", "30 100\r\n", "xterm-256color\r\n", "all of them\r\n"] {
        screen.until(shown).await;
    }
    assert_eq!(screen.end().await, Exit::Code(3));
    let (tty, env) = (Some(TtySize { columns: 1, rows: 1 }), [("TERM".into(), "dumb".into())].into());
    let dumb = SpawnSpec { argv: argv(&["sh", "-c", "echo $TERM"]), env, tty, ..Default::default() };
    let mut screen = Screen::of(rig.link.spawn(dumb).await.unwrap());
    screen.until("dumb\r\n").await;
    assert_eq!(screen.end().await, Exit::Code(0));
    let missing = SpawnSpec { argv: argv(&["no-such-program"]), tty, ..Default::default() };
    assert_eq!(kind(rig.link.spawn(missing).await.map(drop)), OpErrorKind::NotFound);
    rig.end().await;
}

#[tokio::test]
async fn a_new_size_is_told_to_the_program() {
    const SCRIPT: &str = r"
import os, signal
seen = []
signal.signal(signal.SIGWINCH, lambda *_: seen.append(os.get_terminal_size()))
print('ready', flush=True)
while not seen:
    signal.pause()
print('now %dx%d' % seen[0], flush=True)
";
    let rig = Rig::start().await;
    let mut screen = Screen::start(&rig.link, &["python3", "-c", SCRIPT]).await;
    screen.until("ready").await;
    screen.process.handle.resize(TtySize { columns: 132, rows: 43 }).await.unwrap();
    screen.until("now 132x43").await;
    assert_eq!(screen.end().await, Exit::Code(0));
    screen.process.handle.resize(TtySize { columns: 80, rows: 24 }).await.unwrap();
    let piped = rig.link.spawn(SpawnSpec { argv: argv(&["sleep", "600"]), ..Default::default() }).await.unwrap();
    let refused = piped.handle.resize(TtySize { columns: 80, rows: 24 }).await;
    assert_eq!(kind(refused), OpErrorKind::Invalid);
    rig.end().await;
}

#[tokio::test]
async fn a_shell_echoes_is_interrupted_controls_its_jobs_and_tells_its_exit() {
    let rig = Rig::start().await;
    let mut screen = Screen::shell(&rig.link, "shell").await;
    screen.until("$ ").await;
    screen.types("echo $((40 + 2)) é\n").await;
    screen.until("echo $((40 + 2)) é\r\n").await;
    screen.until("42 é\r\n").await;
    screen.types(FOREGROUND).await;
    screen.until("begun").await;
    screen.types("\u{3}").await;
    screen.until("^C").await;
    screen.until("$ ").await;
    screen.types(FOREGROUND).await;
    screen.until("begun").await;
    screen.types("\u{1a}").await;
    screen.until("Stopped").await;
    screen.until("$ ").await;
    screen.types("disown; exit 7\n").await;
    assert_eq!(screen.end().await, Exit::Code(7));
    while !census("shell").is_empty() {
        rig.link.survey(&rig.root, &[]).await.unwrap();
    }
    rig.end().await;
}

#[tokio::test]
async fn backspace_removes_a_whole_character() {
    let rig = Rig::start().await;
    let mut screen = Screen::start(&rig.link, &["sh", "-c", "read x; printf \"<%s>\" \"$x\""]).await;
    screen.types("aé\u{7f}b\n").await;
    screen.until("<ab>").await;
    assert_eq!(screen.end().await, Exit::Code(0));
    rig.end().await;
}

#[tokio::test]
async fn the_end_of_the_input_is_typed() {
    let rig = Rig::start().await;
    let mut screen = Screen::start(&rig.link, &["sh", "-c", "cat; echo the end"]).await;
    screen.types("line\n").await;
    screen.process.stdin.shutdown().await.unwrap();
    screen.until("line\r\nline\r\nthe end").await;
    assert_eq!(screen.end().await, Exit::Code(0));
    rig.end().await;
}

#[tokio::test]
async fn a_program_may_let_go_of_its_terminal_and_take_it_again() {
    let rig = Rig::start().await;
    let script = "exec </dev/null >/dev/null 2>&1; sleep 0.1; echo again >/dev/tty; exit 5";
    let mut screen = Screen::start(&rig.link, &["sh", "-c", script]).await;
    screen.until("again\r\n").await;
    assert_eq!(screen.end().await, Exit::Code(5));
    rig.end().await;
}

#[tokio::test]
async fn a_terminal_that_nobody_looks_at_holds_up_nothing_and_is_complete_later() {
    let rig = Rig::start().await;
    let script = "stty -opost; head -c 3000000 /dev/zero | tr '\\0' x; exit 2";
    let mut screen = Screen::start(&rig.link, &["sh", "-c", script]).await;
    for round in 0..20_u8 {
        rig.link.write(&rig.root, spec("f", &[round], Expect::Any), vec![round]).await.unwrap();
    }
    let living = || std::path::Path::new(&format!("/proc/{}", screen.process.handle.pid())).exists();
    assert!(living(), "it can't have got rid of all that");
    assert_eq!(screen.end().await, Exit::Code(2));
    assert_eq!(screen.shown.len(), 3_000_000);
    rig.end().await;
}

#[tokio::test]
async fn what_is_typed_waits_for_a_program_that_is_slow_to_read() {
    let rig = Rig::start().await;
    let script = "stty raw -echo; echo ready; read line; head -c 1000000 | cksum; exit 0";
    let mut screen = Screen::start(&rig.link, &["sh", "-c", script]).await;
    screen.until("ready").await;
    let typed: Vec<u8> = (0..1_000_000_u32).map(|n| (n % 251) as u8).collect();
    let run = RunSpec { argv: argv(&["cksum"]), stdin: typed.clone(), ..Default::default() };
    let sum = String::from_utf8(rig.link.run(run).await.unwrap().stdout).unwrap();
    screen.process.stdin.write_all(b"\n").await.unwrap();
    screen.process.stdin.write_all(&typed).await.unwrap();
    screen.until(sum.trim()).await;
    assert_eq!(screen.end().await, Exit::Code(0));
    let mut deaf = Screen::start(&rig.link, &["sh", "-c", "stty raw; echo ready; exec sleep 600"]).await;
    deaf.until("ready").await;
    {
        let stuck = deaf.process.stdin.write_all(&typed);
        tokio::pin!(stuck);
        tokio::select! {
            result = &mut stuck => panic!("nobody read it: {result:?}"),
            found = rig.link.survey(&rig.root, &[]) => drop(found.unwrap()),
        }
        deaf.process.handle.end().await.unwrap();
        // Now that it is gone, what it will never read counts as read.
        stuck.await.unwrap();
    }
    rig.end().await;
}

/// A shell with one job in the foreground and three that would outlive it.
async fn busy_shell(link: &Link, mark: &str) -> Screen {
    let mut screen = Screen::shell(link, mark).await;
    screen.until("$ ").await;
    screen.types("sleep 600 & nohup sleep 600 >/dev/null & setsid sleep 600 &\n").await;
    screen.types(FOREGROUND).await;
    screen.until("begun").await;
    while census(mark).len() < 5 {
        link.run(RunSpec { argv: argv(&["true"]), ..Default::default() }).await.unwrap();
    }
    screen
}

#[tokio::test]
async fn closing_the_link_leaves_nothing_of_a_shell_behind() {
    let rig = Rig::start().await;
    let mut screen = busy_shell(&rig.link, "tty-close").await;
    rig.end().await;
    assert_eq!(census("tty-close"), [0_u32; 0]);
    while screen.process.next().await.is_ok() {}
}

#[tokio::test]
async fn dropping_a_terminal_leaves_nothing_of_its_shell_behind() {
    let rig = Rig::start().await;
    drop(busy_shell(&rig.link, "tty-drop").await);
    while !census("tty-drop").is_empty() {
        rig.link.survey(&rig.root, &[]).await.unwrap();
    }
    rig.end().await;
}

#[tokio::test]
async fn ending_a_shell_leaves_nothing_behind_and_tells_its_exit() {
    let rig = Rig::start().await;
    let mut screen = busy_shell(&rig.link, "tty-end").await;
    screen.process.handle.end().await.unwrap();
    assert_eq!(census("tty-end"), [0_u32; 0]);
    assert_eq!(screen.end().await, Exit::Signal(9), "an interactive shell takes no notice of SIGTERM");
    rig.end().await;
}

#[tokio::test]
async fn what_a_shell_left_running_goes_soon_after_it() {
    let rig = Rig::start().await;
    let mut screen = Screen::shell(&rig.link, "tty-exit").await;
    screen.until("$ ").await;
    screen.types("sleep 600 & disown; exit 0\n").await;
    assert_eq!(screen.end().await, Exit::Code(0));
    while !census("tty-exit").is_empty() {
        rig.link.survey(&rig.root, &[]).await.unwrap();
    }
    rig.end().await;
}

#[tokio::test]
async fn a_killed_agent_takes_a_shell_and_what_is_in_its_foreground_along() {
    let rig = Rig::start().await;
    let mut screen = Screen::shell(&rig.link, "tty-kill").await;
    screen.until("$ ").await;
    screen.types(FOREGROUND).await;
    screen.until("begun").await;
    let pid = rig.link.hello().pid.to_string();
    assert!(std::process::Command::new("kill").args(["-9", &pid]).status().unwrap().success());
    rig.link.lost().await;
    while !census("tty-kill").is_empty() {
        tokio::task::yield_now().await;
    }
}
