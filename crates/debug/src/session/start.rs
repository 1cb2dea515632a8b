//! Owns the way to a session: what is asked, pushed and spawned, in which order, and what is said when a
//! step fails.

use std::collections::HashMap;
use std::time::Duration;

use remora_agent::{AgentError, Keep, Link, OpErrorKind, RunDir, SpawnSpec};
use remora_model::{Debugger, RemotePath, RemotePort};
use serde_json::json;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tracing::info;

use super::assembly::{Parts, assemble};
use super::command_line::{self, CommandLine};
use super::owner::{Readiness, settle};
use super::record::Record;
use super::resume::join;
use super::{Running, Session, SessionEvent};
use crate::attach::{self, refusal};
use crate::configuration::attach_configuration;
use crate::error::{DebugError, NoDial, NoLeave};
use crate::interpreter::{self, Look, Probed, Wanted};
use crate::relay::{Compiler, LocalListener};
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
    let (endpoint, shown) = (local.endpoint(), shown_port(&local.endpoint()));
    let (owner, held) = whose(link, &request).await?;
    let link = &owner;
    // One round trip for all that needs no answer of another.
    let (ground, run_dir) = match request.program {
        Program::Process(pid) => tokio::join!(running(link, &request, pid, shown), link.run_dir()),
        Program::Listener(port) => tokio::join!(listening(link, &request, port), link.run_dir()),
        _ => tokio::join!(startable(link, &request, shown), link.run_dir()),
    };
    let ground = match ground {
        Ok(ground) => ground,
        Err(error) => {
            drop(run_dir);
            settle(link).await;
            return Err(error);
        }
    };
    let (readiness, mut session) = spawn(link, &request, ground, (run_dir?, local, held), events).await?;
    let secret =
        ready(readiness, &session.running, request.in_code).await.map_err(|error| match (&request.program, error) {
            (Program::Process(pid), DebugError::DiedBeforeListening { exit, stderr }) => {
                refusal(*pid, &stderr).unwrap_or(DebugError::DiedBeforeListening { exit, stderr })
            }
            (_, error) => error,
        })?;
    session.configuration = attach_configuration(&request.terms(), &endpoint, secret.as_deref());
    Ok(session)
}

/// Whose the program is to be: the agent's, or that of a holder which goes on without us, and has this name.
async fn whose(link: &Link, request: &Request) -> Result<(Link, Option<String>), DebugError> {
    if request.detach.is_none() {
        return Ok((link.clone(), None));
    }
    can_be_left(request)?;
    let place = link.hold().await?;
    Ok((join(link, &place).await?, Some(place.name)))
}

/// What goes on without us is met over the link only, and writes to no terminal of ours.
fn can_be_left(request: &Request) -> Result<(), DebugError> {
    match (&request.exposed, request.terminal) {
        // Its agent lives as long as the pipe through which sudo was asked.
        _ if request.other_account => Err(DebugError::CannotLeave(NoLeave::Account)),
        (Exposed::No, None) => Ok(()),
        (Exposed::No, Some(_)) => Err(DebugError::CannotLeave(NoLeave::Terminal)),
        _ => Err(DebugError::CannotLeave(NoLeave::Exposed)),
    }
}

/// What is to be spawned, and what is known beforehand of what is debugged.
struct Ground {
    command_line: CommandLine,
    compiler: Compiler,
    /// Where the debugger listens, if that is not the run's socket.
    port: Option<RemotePort>,
    ptvsd: bool,
    can_reload: bool,
}

/// A program that is started.
async fn startable(link: &Link, request: &Request, shown: u16) -> Result<Ground, DebugError> {
    let (probed, trees) = tokio::join!(look(link, request), trees(link));
    let probed = probed?;
    let push = choose(&probed, request.debugger)?;
    can_dial(push, request)?;
    let tree = pushed(link, push, trees?).await?;
    let command_line = command_line::command_line(request, &probed, push, &tree, shown);
    // Functions of Python 2 and of PyPy are not looked for.
    let is_known = probed.interpreter.version.0 > 2 && probed.interpreter.implementation == "CPython";
    info!(debugger = ?push, python = %probed.interpreter.path, "starting");
    let compiler = Compiler::of(request, &probed.interpreter.path);
    let can_reload = push.name == "debugpy" && is_known;
    Ok(Ground { command_line, compiler, port: None, ptvsd: push.name == "ptvsd", can_reload })
}

/// A process that runs already: the debugger is that for its interpreter, whatever brings it in.
async fn running(link: &Link, request: &Request, pid: u32, shown: u16) -> Result<Ground, DebugError> {
    if request.debugger == Debugger::Ptvsd {
        return Err(DebugError::PtvsdAttaches);
    }
    let (found, trees) = tokio::join!(attach::process(link, pid), trees(link));
    let found = found?;
    let (major, minor) = found.version.unwrap_or_default();
    let push = wheels::choose((major, minor, 0), request.debugger)
        .map_err(|unsupported| DebugError::Unsupported { path: found.python.clone(), unsupported })?;
    let tree = pushed(link, push, trees?).await?;
    info!(debugger = ?push, pid, python = %found.python, "attaching");
    let command_line = command_line::attaching(request, &link.hello().executable, pid, &tree, shown);
    let compiler = Compiler::of_running(request, found.python);
    // What it loaded before, nobody has seen in full.
    Ok(Ground { command_line, compiler, port: None, ptvsd: false, can_reload: false })
}

/// A program that listens for its client by itself.
async fn listening(link: &Link, request: &Request, port: RemotePort) -> Result<Ground, DebugError> {
    let found = attach::listener(link, port).await?;
    info!(%port, pid = ?found.pid, "attaching to what listens");
    let command_line = command_line::holding(request, &link.hello().executable, found.pid);
    let compiler = Compiler::of_running(request, found.python);
    Ok(Ground { command_line, compiler, port: Some(port), ptvsd: found.ptvsd, can_reload: false })
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

/// Where the debugger stands there; it is sent if it is not there yet.
async fn pushed(link: &Link, push: &Push, mut trees: HashMap<String, RemotePath>) -> Result<RemotePath, AgentError> {
    let name = push.cache_name();
    match trees.remove(&name) {
        Some(tree) => Ok(tree),
        None => link.cache(&name, push.sha256, push.archive).await,
    }
}

/// Spawns the process and hands it to a task of its own.
async fn spawn(
    link: &Link,
    request: &Request,
    ground: Ground,
    (run_dir, local, held): (RunDir, LocalListener, Option<String>),
    events: mpsc::UnboundedSender<SessionEvent>,
) -> Result<(oneshot::Receiver<Readiness>, Session), DebugError> {
    let Ground { command_line, compiler, port, ptvsd, can_reload } = ground;
    let cwd = RemotePath::new(command_line::cwd(request)).expect("invariant: joined to an absolute path");
    let argv = command_line.argv;
    let python = argv.first().cloned().unwrap_or_default();
    let record = Record::of(request, ptvsd, compiler, can_reload);
    let keep = request.detach.clone().map(|shown| Keep { shown, record: json!(record) });
    let (env, tty) = (command_line.env, request.terminal);
    let spec = SpawnSpec { argv, cwd: Some(cwd), env, run_dir: Some(run_dir.id()), tty, keep };
    let process = link.spawn(spec).await.map_err(|error| match error {
        AgentError::Op(error) if error.kind == OpErrorKind::NotFound => DebugError::InterpreterMissing { path: python },
        error => error.into(),
    })?;
    let (ready, readiness) = oneshot::channel();
    let parts = Parts {
        link: link.clone(),
        record,
        process,
        run_dir,
        local,
        port,
        attached: request.program.runs_already(),
        words: request.words,
        foresight: request.foresight,
        on_terminal: request.terminal.is_some(),
        exposed: request.exposed.clone(),
        other_account: request.other_account,
        held,
        ready: Some(ready),
        omitted: 0,
    };
    Ok((readiness, assemble(parts, events)))
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
