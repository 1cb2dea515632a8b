//! Owns the way to a session: what is asked, pushed and spawned, in which order, and what is said when a
//! step fails.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use remora_agent::{Address, AgentError, Link, OpErrorKind, RunDir, SpawnSpec};
use remora_model::{Debugger, RemotePath};
use serde_json::Value;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;
use tracing::info;

use super::command_line::{self, CommandLine};
use super::console::Console;
use super::owner::{Owner, Readiness};
use super::{Running, Session, SessionEvent, screen};
use crate::configuration::{attach_arguments, attach_configuration};
use crate::error::{DebugError, NoDial};
use crate::interpreter::{self, Look, Probed, Wanted};
use crate::relay::{Compiler, Facts, LocalListener, Project, Reach, Relay, Route, Scout};
use crate::request::{Endpoint, Exposed, Program, Request};
use crate::wheels::{self, PUSHES, Push};

/// A debugger listens after one to two seconds, on a slow machine with a cold disk after perhaps ten. The
/// program's own code has not run by then, so whatever takes a minute is stuck.
const LISTENING_TIMEOUT: Duration = Duration::from_secs(60);

/// What a debugger shows for a port where there is none; it takes no 0.
const NO_PORT: u16 = 1;

/// Starts a program under a debugger; returns when a client may connect. Output that comes earlier is
/// sent as events too. With `in_code` it waits as long as the program takes to call its debugger; dropping
/// the future gives the start up and ends everything.
///
/// # Errors
/// [`DebugError`]; nothing is left there then, and no `Exited` or `Lost` is sent.
pub async fn start(
    link: &Link,
    request: Request,
    events: mpsc::UnboundedSender<SessionEvent>,
) -> Result<Session, DebugError> {
    let home = &link.hello().home;
    let request = Request { cwd: request.cwd.map(|cwd| command_line::at_home(home, cwd)), ..request };
    let local = LocalListener::bind(request.listen, &request.exposed).await?;
    // One round trip for all that needs no answer of another.
    let (probed, trees, run_dir) = tokio::join!(look(link, &request), trees(link), link.run_dir());
    let probed = probed?;
    let push = choose(&probed, request.debugger)?;
    can_dial(push, &request)?;
    let run_dir = run_dir?;
    let name = push.cache_name();
    let tree = match trees?.remove(&name) {
        Some(tree) => tree,
        None => link.cache(&name, push.sha256, push.archive).await?,
    };
    let endpoint = local.endpoint();
    let command_line = command_line::command_line(&request, &probed, push, &tree, shown_port(&endpoint));
    // Functions of Python 2 and of PyPy are not looked for.
    let is_known = probed.interpreter.version.0 > 2 && probed.interpreter.implementation == "CPython";
    let can_reload = push.name == "debugpy" && is_known;
    info!(debugger = ?push, python = %probed.interpreter.path, "starting");
    let compiler = Compiler::of(&request, &probed.interpreter.path);
    let needed = Spawn { command_line, compiler, run_dir, local, push, can_reload };
    let (readiness, mut session) = spawn(link, &request, needed, events).await?;
    let secret = ready(readiness, &session.running, request.in_code).await?;
    session.configuration = attach_configuration(&request, &endpoint, secret.as_deref());
    Ok(session)
}

/// The port that a debugger is told: where its clients connect, as it says to those that debug its children.
fn shown_port(endpoint: &Endpoint) -> u16 {
    match endpoint {
        Endpoint::Port(address) => address.port(),
        Endpoint::There(place) | Endpoint::Client(place) => place.port,
        Endpoint::Socket(_) => NO_PORT,
    }
}

/// Finds the interpreter and looks whether the program and its directory are there.
async fn look(link: &Link, request: &Request) -> Result<Probed, DebugError> {
    let file = command_line::program_path(request);
    let dir = command_line::cwd(request);
    let wanted = Wanted { python: request.python.as_deref(), prefix: &request.prefix, env: &request.env };
    let module = if let Program::Module(module) = &request.program { module } else { "" };
    let look = Look { file: &file, dir: &dir, module };
    let probed = interpreter::probe(link, &request.remote_root, wanted, look).await?;
    if matches!(request.program, Program::File(_)) && !probed.is_file {
        return Err(DebugError::ProgramMissing { path: file });
    }
    if !probed.is_dir {
        return Err(DebugError::CwdMissing { path: dir });
    }
    if !probed.is_module {
        return Err(DebugError::ModuleMissing { module: module.to_owned(), python: probed.interpreter.path });
    }
    Ok(probed)
}

fn choose(probed: &Probed, debugger: Debugger) -> Result<&'static Push, DebugError> {
    wheels::choose(probed.interpreter.version, debugger)
        .map_err(|unsupported| DebugError::Unsupported { path: probed.interpreter.path.clone(), unsupported })
}

/// In reverse the adapter is the client's own, of another version.
fn can_dial(push: &Push, request: &Request) -> Result<(), DebugError> {
    let no = match (&request.exposed, push.name, push.version) {
        (Exposed::Reverse { .. }, _, _) if request.in_code => NoDial::InCode,
        (Exposed::Reverse { .. }, "ptvsd", _) => NoDial::Ptvsd,
        (Exposed::Reverse { .. }, _, "1.5.1") => NoDial::OldDebugpy,
        _ => return Ok(()),
    };
    Err(DebugError::CannotDial(no))
}

/// Where debuggers stand there already, by their names. Which one is wanted is known only when the interpreter is.
async fn trees(link: &Link) -> Result<HashMap<String, RemotePath>, AgentError> {
    let mut questions = JoinSet::new();
    for push in PUSHES {
        let (link, name) = (link.clone(), push.cache_name());
        questions.spawn(async move { (link.cached(&name).await, name) });
    }
    let mut trees = HashMap::new();
    while let Some(answer) = questions.join_next().await {
        let (tree, name) = answer.expect("invariant: it asks and does nothing else");
        trees.extend(tree?.map(|tree| (name, tree)));
    }
    Ok(trees)
}

/// What a process needs.
struct Spawn {
    command_line: CommandLine,
    compiler: Compiler,
    run_dir: RunDir,
    local: LocalListener,
    push: &'static Push,
    can_reload: bool,
}

/// Spawns the process and hands it to a task of its own.
async fn spawn(
    link: &Link,
    request: &Request,
    spawn: Spawn,
    events: mpsc::UnboundedSender<SessionEvent>,
) -> Result<(oneshot::Receiver<Readiness>, Session), DebugError> {
    let Spawn { command_line, compiler, run_dir, local, push, can_reload } = spawn;
    let cwd = RemotePath::new(command_line::cwd(request)).expect("invariant: joined to an absolute path");
    let argv = command_line.argv;
    let python = argv.first().cloned().unwrap_or_default();
    let spec =
        SpawnSpec { argv, cwd: Some(cwd), env: command_line.env, run_dir: Some(run_dir.id()), tty: request.terminal };
    let process = link.spawn(spec).await.map_err(|error| match error {
        AgentError::Op(error) if error.kind == OpErrorKind::NotFound => DebugError::InterpreterMissing { path: python },
        error => error.into(),
    })?;
    let socket = RemotePath::new(format!("{}/dap.sock", run_dir.path())).expect("invariant: below an absolute path");
    let endpoint = local.endpoint();
    let project = Arc::new(Project::new(request.mappings.clone()));
    let facts = Facts {
        socket: if let Endpoint::Socket(path) = &endpoint { Some(path.clone()) } else { None },
        attach: attach_arguments(request),
        ptvsd: push.name == "ptvsd",
        words: request.words,
        foresight: request.foresight,
        project: Arc::clone(&project),
    };
    let (relay_sender, relay_events) = mpsc::unbounded_channel();
    let console = Console::new(facts.socket.is_none());
    let (screen, terminal) = match request.terminal {
        Some(_) => {
            let (screen, terminal) = screen::made(process.handle.clone());
            (Some(screen), Some(terminal))
        }
        None => (None, None),
    };
    let scout = Scout::start(link.clone(), project, compiler);
    let (reloads, heard) = watch::channel(Vec::new());
    let route =
        Route { link: link.clone(), address: Address::Unix(socket), facts, scout: scout.clone(), reloads: heard };
    let relay = Relay::serve(local, route, relay_sender);
    let (commands, command_receiver) = mpsc::unbounded_channel();
    let (ready, readiness) = oneshot::channel();
    let (ended_sender, ended) = watch::channel(());
    let (handle, stdin, process) = process.into_parts();
    let owner = Owner {
        link: link.clone(),
        handle,
        process,
        run_dir,
        relay,
        relay_events,
        scout: scout.clone(),
        commands: command_receiver,
        events,
        console,
        screen,
        // ptvsd takes no notice of "terminateDebuggee".
        ends_for_client: push.name == "ptvsd",
        dials: if let Exposed::Reverse { at, .. } = &request.exposed { Some(at.clone()) } else { None },
        no_way: None,
    };
    tokio::spawn(async move {
        owner.run(ready).await;
        drop(ended_sender);
    });
    let running = Running { commands, ended };
    let (configuration, stdin) = (Value::Null, Some(stdin));
    // Children of ptvsd run freely.
    let reach = Reach { heard: request.exposed == Exposed::No, children: request.sub_process && push.name != "ptvsd" };
    let session = Session { endpoint, configuration, stdin, terminal, running, scout, reloads, can_reload, reach };
    Ok((readiness, session))
}

/// Waits until a client may connect. On any failure everything has been ended when it returns.
async fn ready(
    mut readiness: oneshot::Receiver<Readiness>,
    running: &Running,
    in_code: bool,
) -> Result<Option<String>, DebugError> {
    let limit = if in_code { Duration::MAX } else { LISTENING_TIMEOUT };
    let Ok(readiness) = tokio::time::timeout(limit, &mut readiness).await else {
        running.stop().await;
        let stderr = match readiness.await {
            Ok(Readiness::Ended { stderr, .. }) => stderr,
            _ => String::new(),
        };
        return Err(DebugError::TimedOut { after: limit, stderr });
    };
    match readiness.expect("invariant: the owner always says how it went") {
        Readiness::Listening { secret } => Ok(secret),
        Readiness::Lost(reason) => Err(reason.into()),
        Readiness::Unreachable { at, reason } => Err(DebugError::Unreachable { at, reason }),
        Readiness::Ended { exit, stderr } if in_code => Err(DebugError::EndedBeforeListening { exit, stderr }),
        Readiness::Ended { exit, stderr } => Err(DebugError::DiedBeforeListening { exit, stderr }),
    }
}
