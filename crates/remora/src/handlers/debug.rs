//! Decides what a debug request and a start lead to. Never starts anything itself.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::Arc;

use remora_agent::{Link, TtySize};
use remora_debug::{Endpoint, Exposed, Listen, Program, Request, Session};
use remora_model::{Exposure, LocalPath, OnStale, RemotePath};
use tokio::sync::oneshot;

use crate::event::{Generation, Reply};
use crate::exposure::{self, Wish};
use crate::fault::{self, Fault, Kind};
use crate::folders::{Folder, holder, mappings};
use crate::jobs::{Carrying, Job};
use crate::mirrors::{Arrived, Mirrors};
use crate::runs;
use crate::staleness::Staleness;
use crate::state::{DebugSession, LinkState, Running, State, Waiting};
use crate::surface::{DebugRequest, Listening, Said, SessionId};
use crate::terminal::{COLOURS, Line, Opened};
use crate::test_name::{PYTEST, Test};

/// Of a terminal that nobody has shown yet; the editor tells the real one at once.
const FIRST_SIZE: TtySize = TtySize { columns: 80, rows: 24 };

/// The environment variable that tells a program which tree it runs: the manifest that its barrier passed with.
const TREE: &str = "REMORA_TREE";

/// What of a request is this side's own.
struct Asked {
    name: Option<String>,
    run_as: Option<String>,
    on_stale: Option<OnStale>,
    restarts: bool,
}

impl State {
    pub(crate) fn debug_asked(
        &mut self,
        target: Option<&str>,
        request: DebugRequest,
        reply: Reply<Listening>,
    ) -> Vec<Job> {
        match self.check(target, &request) {
            Ok(()) => self.with_target(target, Waiting::Debug(Box::new(request), reply), true),
            Err(fault) => self.refuse(Waiting::Debug(Box::new(request), reply), fault),
        }
    }

    /// Finds what is wrong with a request before anything is started for it.
    fn check(&self, target: Option<&str>, request: &DebugRequest) -> Result<(), Fault> {
        if request.running.is_some() {
            return Ok(());
        }
        match (&request.file, &request.module, &request.test) {
            (None, None, None) if request.run.is_some() => Ok(()),
            (Some(file), None, None) | (None, None, Some(Test { file, .. })) => {
                self.program_file(&self.folders_of(target), file).map(drop)
            }
            (None, Some(_), None) => Ok(()),
            _ => Err(Fault::new(
                Kind::BadRequest,
                "A debug session needs exactly one of a file, a module and a test.",
                "Give a FILE, -m MODULE, or --pytest FILE::TEST.",
            )),
        }
    }

    /// The folder of a local file, and its path in it.
    fn program_file(&self, folders: &[Folder], file: &Path) -> Result<(LocalPath, String), Fault> {
        let (folder, inside) = holder(folders, file).ok_or_else(|| {
            let (message, hint) = match folders {
                [only] => (
                    format!("{} is not in the folder that is mirrored, {}.", file.display(), only.local),
                    "Name a file in that folder, or choose another folder with --root.",
                ),
                _ => (
                    format!("{} is in none of the folders that are mirrored.", file.display()),
                    "Name a file in one of them, or add its folder to the target's mappings.",
                ),
            };
            Fault::new(Kind::FileMissing, message, hint)
        })?;
        let inside = self.unicode().there(&inside);
        // Its path goes through settings, messages of the debugger and an argument list, all of them text.
        let text = std::str::from_utf8(inside.as_bytes()).map_err(|_| {
            Fault::new(
                Kind::BadRequest,
                format!("Can't debug {}: its path is not UTF-8.", file.display()),
                "Rename it; it is mirrored as it is all the same.",
            )
        })?;
        Ok((folder.local.clone(), text.to_owned()))
    }

    pub(crate) fn debug_barrier(
        &mut self,
        mirrors: Mirrors,
        request: Box<DebugRequest>,
        reply: Reply<Listening>,
    ) -> Vec<Job> {
        self.begin_tally();
        vec![Job::Barrier { generation: self.link.generation(), mirrors, rescan: !self.comparing, request, reply }]
    }

    pub(crate) fn barrier_passed(
        &mut self,
        generation: Generation,
        result: Result<Arrived, Fault>,
        request: DebugRequest,
        reply: Reply<Listening>,
    ) -> Vec<Job> {
        let tally = self.end_tally();
        if result.is_ok() || tally.files > 0 {
            self.say(Said::Mirrored(tally));
        }
        if reply.is_closed() {
            // Whoever asked has cancelled it.
            return Vec::new();
        }
        let name = request.name.clone().or_else(|| request.test.as_ref().map(Test::title));
        let run_as = request.run_as.clone().or_else(|| self.target.as_ref()?.run_as.clone());
        let asked = Asked { name, run_as, on_stale: request.on_stale, restarts: request.restarts };
        let run = request.run.clone();
        let outcome = result.and_then(|arrived| self.start_request(request, arrived));
        match (outcome, &self.link) {
            (Err(fault), _) => drop(reply.send(Err(fault))),
            (Ok((start, _)), LinkState::Up { link, generation: present })
                if *present == generation && run.is_some() =>
            {
                let (link, run, listen) = (link.clone(), run.unwrap_or_default(), start.listen);
                return self.resume(link, run, listen, reply);
            }
            // Another link may lead to another machine, which the barrier says nothing of.
            (Ok(start), LinkState::Up { link, generation: present }) if *present == generation => {
                let link = link.clone();
                return self.start(link, start, asked, reply);
            }
            (Ok(_), _) => {
                let fault = Fault::new(
                    Kind::ConnectionLost,
                    "The connection was lost before the program started.",
                    "Start again when the connection is back.",
                );
                drop(reply.send(Err(fault)));
            }
        }
        Vec::new()
    }

    fn start(
        &mut self,
        link: Link,
        (request, wish): (Request, Wish),
        asked: Asked,
        reply: Reply<Listening>,
    ) -> Vec<Job> {
        self.last_session += 1;
        let session = SessionId(self.last_session);
        let (keep, given_up) = oneshot::channel();
        let name = asked.name.unwrap_or_else(|| title(&request.program));
        let hears_output = request.listen == Listen::Socket;
        let settings = self.settings.as_ref().map(|settings| settings.debug.on_stale).unwrap_or_default();
        let mut starting = DebugSession::starting(name, hears_output, keep);
        starting.staleness = Staleness::new(asked.on_stale.unwrap_or(settings));
        starting.restarts = asked.restarts;
        self.sessions.insert(session, starting);
        let account = asked.run_as.filter(|account| !account.is_empty());
        let (wish, request) = (Box::new(wish), Box::new(request));
        vec![Job::StartDebug { session, link, account, wish, request, reply, given_up }]
    }

    /// Joins what the user said with the settings and the target.
    fn start_request(&self, request: DebugRequest, arrived: Arrived) -> Result<(Request, Wish), Fault> {
        let settings = self.settings.as_ref().map_err(Clone::clone)?;
        let target =
            self.target.as_ref().ok_or_else(|| Fault::internal("A debug session started without a target."))?;
        let Arrived { roots, manifest } = arrived;
        let (main, remote_root) =
            roots.first().cloned().ok_or_else(|| Fault::internal("A debug session started without a folder."))?;
        tracing::info!(%manifest, "the tree that is about to run");
        let mut env: BTreeMap<String, String> = target.env.clone();
        env.insert(TREE.into(), manifest.to_string());
        env.extend(request.env);
        if request.terminal {
            env.entry(COLOURS.0.into()).or_insert_with(|| COLOURS.1.into());
        }
        let mut args = request.args;
        let program = match (request.running, &request.file, &request.test) {
            (Some(running), ..) => running,
            (None, Some(file), _) => match self.program_file(&self.folders(), file)? {
                (folder, inside) if folder == main => Program::File(inside),
                (folder, inside) => Program::File(below(&roots, &folder, &inside)),
            },
            (None, None, Some(test)) => {
                let (folder, inside) = self.program_file(&self.folders(), &test.file)?;
                args.insert(0, test.argument(&below(&roots, &folder, &inside)));
                Program::Module(PYTEST.into())
            }
            (None, None, None) => Program::Module(request.module.unwrap_or_default()),
        };
        let title = title(&program);
        let port = self.local_port(target, settings);
        let own = Listen::Port { host: Ipv4Addr::LOCALHOST.into(), port, exact: false };
        // Who says where to listen here wants to be connected to here.
        let exposure = request.exposure.or(request.listen.map(|_| Exposure::Tunnel));
        let wish = Wish::new(target, (exposure, request.address), port);
        let request = Request {
            program,
            args,
            cwd: request.cwd,
            env,
            python: request.python.or_else(|| target.python.clone()),
            prefix: request.prefix.unwrap_or_else(|| target.prefix.clone()),
            debugger: request.debugger.unwrap_or(settings.debug.debugger),
            in_code: request.in_code,
            just_my_code: request.just_my_code.unwrap_or(settings.debug.just_my_code),
            sub_process: request.sub_process.unwrap_or(settings.debug.sub_process),
            remote_root,
            mappings: mappings(&roots),
            name: configuration_name(&target.name),
            listen: request.listen.unwrap_or(own),
            exposed: Exposed::No,
            terminal: request.terminal.then_some(FIRST_SIZE),
            foresight: true,
            other_account: false,
            words: fault::notice,
            detach: request.detach.then(|| runs::shown(&title, &target.name, &manifest.to_string())),
        };
        Ok((request, wish))
    }

    pub(crate) fn started(
        &mut self,
        id: SessionId,
        result: Result<Box<Session>, Fault>,
        reply: Reply<Listening>,
    ) -> Vec<Job> {
        let mut session = match result {
            Ok(session) => *session,
            Err(fault) => {
                self.sessions.remove(&id);
                let _ = reply.send(Err(fault));
                return Vec::new();
            }
        };
        let (terminal, carry) = self.show_program(id, &mut session);
        let shown = terminal.as_ref().map(|opened| opened.terminal);
        let listening = Listening {
            session: id,
            endpoint: session.endpoint().clone(),
            configuration: session.configuration().clone(),
            stdin: session.take_stdin(),
            terminal,
            run: session.run().map(str::to_owned),
        };
        if let Endpoint::There(place) = session.endpoint() {
            self.say(Said::Fault(exposure::warning(place)));
        }
        session.mirroring(self.is_mirroring());
        let was_there = session.was_there();
        let session = Arc::new(session);
        let heard = reply.send(Ok(listening)).is_ok();
        match self.sessions.get_mut(&id).map(|known| &mut known.running) {
            Some(running @ Running::Starting(_)) if heard => {
                *running = Running::Listening(session);
                carry.into_iter().collect()
            }
            // Nobody waits for it any more, who has found a run that goes on.
            _ if was_there => {
                self.sessions.remove(&id);
                vec![Job::LetGo { sessions: vec![session], mirrors: None, link: None, done: None }]
            }
            // It ended, or was stopped, before it could be handed over; or nobody waits for it.
            _ => {
                self.sessions.remove(&id);
                if let Some(terminal) = shown {
                    self.terminals.close(terminal);
                }
                vec![Job::Stop { sessions: vec![session], done: None }]
            }
        }
    }

    /// Has the terminal of a program shown, if it runs on one.
    fn show_program(&mut self, id: SessionId, session: &mut Session) -> (Option<Opened>, Option<Job>) {
        let Some(terminal) = session.take_terminal() else { return (None, None) };
        let Some(keyboard) = session.take_stdin() else { return (None, None) };
        let (shown, _) = self.terminals.begin();
        let Some(inputs) = self.terminals.opened(shown) else { return (None, None) };
        if let Some(known) = self.sessions.get_mut(&id) {
            known.terminal = Some(shown);
        }
        let (begin, begun) = oneshot::channel();
        let line = Box::new(Line::of_program(keyboard, terminal));
        let carry = Job::CarryTerminal(Carrying { id: shown, line, inputs, begun });
        (Some(Opened { terminal: shown, begin }), Some(carry))
    }

    pub(crate) fn interrupt_asked(&mut self, id: SessionId) -> Vec<Job> {
        let session = self.sessions.get(&id).and_then(DebugSession::listening).cloned();
        session.map(|session| Job::Interrupt { session }).into_iter().collect()
    }

    pub(crate) fn stop_asked(&mut self, id: SessionId, reply: Reply<()>) -> Vec<Job> {
        match self.sessions.remove(&id).map(|known| known.running) {
            Some(Running::Listening(session)) => vec![Job::Stop { sessions: vec![session], done: Some(reply) }],
            // Dropping it gives the start up.
            Some(Running::Starting(_) | Running::Ended) => {
                let _ = reply.send(Ok(()));
                Vec::new()
            }
            None => {
                let _ = reply.send(Err(no_session(id)));
                Vec::new()
            }
        }
    }
}

/// What a person calls it.
fn title(program: &Program) -> String {
    match program {
        Program::File(path) => path.clone(),
        Program::Module(module) => module.clone(),
        Program::Process(pid) => format!("process {pid}"),
        Program::Listener(port) => format!("port {port}"),
    }
}

/// The path there of what is `inside` a local folder.
fn below(roots: &[(LocalPath, RemotePath)], folder: &LocalPath, inside: &str) -> String {
    let root = roots.iter().find(|(local, _)| local == folder).map(|(_, root)| root.to_string()).unwrap_or_default();
    format!("{}/{inside}", root.trim_end_matches('/'))
}

pub(super) fn no_session(id: SessionId) -> Fault {
    Fault::new(
        Kind::NoSession,
        format!("There is no debug session {}.", id.0),
        "It has ended already, or was never started.",
    )
}

/// The name of a generated attach configuration; it is how the entry is found again.
pub(crate) fn configuration_name(target: &str) -> String {
    format!("Remora: {target}")
}
