//! Owns how a session is put together around a process that runs, whether it was just started or found again. Starts
//! nothing over there.

use std::sync::Arc;

use remora_agent::{Address, Link, Process, RunDir};
use remora_model::{RemotePath, RemotePort};
use serde_json::Value;
use tokio::sync::{mpsc, oneshot, watch};

use super::console::Console;
use super::owner::{Owner, Readiness};
use super::record::Record;
use super::{Running, Session, SessionEvent, screen};
use crate::configuration::attach_arguments;
use crate::relay::{Facts, LocalListener, News, Project, Reach, Relay, Route, Scout};
use crate::request::{Endpoint, Exposed, Place, Words};

/// What a session is made of.
pub(super) struct Parts {
    /// To the agent or the holder that has the process.
    pub(super) link: Link,
    pub(super) record: Record,
    pub(super) process: Process,
    pub(super) run_dir: RunDir,
    pub(super) local: LocalListener,
    /// Where the debugger listens, if that is not the run's socket.
    pub(super) port: Option<RemotePort>,
    /// Whether the program ran before the debugger came, and goes on without it.
    pub(super) attached: bool,
    pub(super) words: Words,
    pub(super) foresight: bool,
    pub(super) on_terminal: bool,
    pub(super) exposed: Exposed,
    /// Whether the agent is that of another account than the login's.
    pub(super) other_account: bool,
    /// The name of the run, if it goes on without us.
    pub(super) held: Option<String>,
    /// Who hears how the start went; nobody if it was started before.
    pub(super) ready: Option<oneshot::Sender<Readiness>>,
    /// So many bytes of its output were not kept.
    pub(super) omitted: u64,
}

/// Puts the parts together and hands them to a task of their own.
pub(super) fn assemble(parts: Parts, events: mpsc::UnboundedSender<SessionEvent>) -> Session {
    let Parts { link, record, process, run_dir, local, port, attached, words, foresight, exposed, held, .. } = parts;
    let socket = RemotePath::new(format!("{}/dap.sock", run_dir.path())).expect("invariant: below an absolute path");
    let endpoint = local.endpoint();
    let project = Arc::new(Project::new(record.mappings()));
    let facts = Facts {
        socket: if let Endpoint::Socket(path) = &endpoint { Some(path.clone()) } else { None },
        attach: attach_arguments(&record.terms()),
        ptvsd: record.ptvsd,
        attached,
        words,
        foresight,
        project: Arc::clone(&project),
        held: held.clone(),
    };
    let (relay_sender, relay_events) = mpsc::unbounded_channel();
    let mut console = Console::new(facts.socket.is_none());
    if let Ok(omitted @ 1..) = usize::try_from(parts.omitted) {
        console.tell(News::Omitted(omitted));
    }
    if let (Some(run), true) = (&held, parts.ready.is_some()) {
        console.tell(News::Held(run.clone()));
    }
    let (screen, terminal) = match parts.on_terminal {
        true => {
            let (screen, terminal) = screen::made(process.handle.clone());
            (Some(screen), Some(terminal))
        }
        false => (None, None),
    };
    let scout = Scout::start(link.clone(), project, record.compiler.clone());
    let (reloads, heard) = watch::channel(Vec::new());
    let address = port.map_or(Address::Unix(socket), Address::Tcp);
    let route = Route { link: link.clone(), address, facts, scout: scout.clone(), reloads: heard };
    let relay = Relay::serve(local, route, relay_sender);
    let (commands, command_receiver) = mpsc::unbounded_channel();
    let (ended_sender, ended) = watch::channel(());
    let (handle, stdin, process) = process.into_parts();
    let owner = Owner {
        link,
        other_account: parts.other_account,
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
        ends_for_client: record.ptvsd,
        attached,
        dials: dialled(&exposed),
        no_way: None,
        held: held.clone(),
    };
    let ready = parts.ready;
    let was_there = ready.is_none();
    tokio::spawn(async move {
        owner.run(ready).await;
        drop(ended_sender);
    });
    // Children of ptvsd run freely.
    let reach = Reach { heard: exposed == Exposed::No, children: record.sub_process && !record.ptvsd };
    Session {
        endpoint,
        configuration: Value::Null,
        stdin: Some(stdin),
        terminal,
        running: Running { commands, ended },
        scout,
        reloads,
        can_reload: record.can_reload,
        reach,
        held,
        was_there,
    }
}

/// Where the program's client listens, if the program dials it.
fn dialled(exposed: &Exposed) -> Option<Place> {
    if let Exposed::Reverse { at, .. } = exposed { Some(at.clone()) } else { None }
}
