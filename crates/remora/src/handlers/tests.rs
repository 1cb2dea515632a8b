//! Tables and stories of the state alone: events in, jobs and answers out. Where a live link is needed, it is
//! one to an agent on this machine.

mod terminal;

use remora_agent::{Exit, LostReason};
use remora_debug::SessionEvent;
use remora_model::{Digest, LocalPath, RemotePath, Settings, Target, TransportSpec};
use tempfile::TempDir;
use tokio::sync::{mpsc, oneshot};

use crate::event::{Event, Generation, MirrorRequest};
use crate::fault::{Fault, Kind};
use crate::host::tests::link_here;
use crate::jobs::Job;
use crate::mirrors::Arrived;
use crate::state::{LinkState, Running, State, Workspace};
use crate::surface::{DebugRequest, Said, SessionId};
use crate::target_entry::bare;

mod mirror;

struct Bed {
    _folder: TempDir,
    state: State,
    said: mpsc::UnboundedReceiver<Said>,
}

/// Everything is there.
fn arrived(bed: &Bed) -> Arrived {
    let roots = vec![(bed.state.workspace.root.clone(), RemotePath::new("/there").unwrap())];
    Arrived { roots, manifest: Digest::of(b"") }
}

/// A state with two targets, `a` and `b`, and a folder with one file.
fn bed() -> Bed {
    let folder = TempDir::new().unwrap();
    let root = folder.path().join("here");
    std::fs::create_dir(&root).unwrap();
    std::fs::write(root.join("app.py"), "").unwrap();
    let workspace = Workspace {
        root: LocalPath::new(root).unwrap(),
        records: None,
        watch: false,
        reconnect: true,
        overwrite: false,
        delete_many: false,
        large_too: false,
    };
    let target = |name: &str| Target {
        remote_root: Some(folder.path().join("there").join(name).display().to_string()),
        ..bare(name.into(), TransportSpec::Local)
    };
    let settings = Settings { targets: vec![target("a"), target("b")], ..Settings::default() };
    let (surface, said) = mpsc::unbounded_channel();
    let mut state = State::new(workspace, surface, mpsc::unbounded_channel().0);
    state.on(Event::Configured(Ok(settings)));
    Bed { _folder: folder, state, said }
}

impl Bed {
    fn program(&self) -> DebugRequest {
        DebugRequest { file: Some(self.state.workspace.root.as_path().join("app.py")), ..DebugRequest::default() }
    }

    /// The faults that were shown since the last call.
    fn faults(&mut self) -> Vec<Kind> {
        let said = std::iter::from_fn(|| self.said.try_recv().ok());
        said.filter_map(|said| if let Said::Fault(fault) = said { Some(fault.kind) } else { None }).collect()
    }

    /// Connects to `a`.
    async fn up(&mut self) -> Generation {
        self.state.on(Event::ConnectAsked(Some("a".into()), oneshot::channel().0));
        let generation = self.state.link.generation();
        self.state.on(Event::Linked(generation, Ok(link_here().await)));
        generation
    }
}

fn transient() -> Fault {
    Fault::new(Kind::ConnectionTimedOut, "No answer.", "Wait.")
}

fn connects(jobs: &[Job]) -> usize {
    jobs.iter().filter(|job| matches!(job, Job::Connect { .. })).count()
}

#[tokio::test]
async fn a_request_for_one_target_is_never_served_by_another() {
    let mut bed = bed();
    let (reply, mut first) = oneshot::channel();
    bed.state.on(Event::MirrorAsked(MirrorRequest { target: Some("a".into()), ..MirrorRequest::default() }, reply));
    let (reply, mut second) = oneshot::channel();
    let jobs = bed.state.on(Event::RootAsked(Some("b".into()), reply));
    assert_eq!(connects(&jobs), 1);
    assert_eq!(first.try_recv().unwrap().unwrap_err().kind, Kind::Cancelled);
    assert!(second.try_recv().is_err(), "it waits for its own target");
}

#[tokio::test]
async fn whoever_waits_when_everything_ends_is_answered() {
    let mut bed = bed();
    let (reply, mut waiting) = oneshot::channel();
    bed.state.on(Event::ConnectAsked(Some("a".into()), reply));
    bed.state.on(Event::Configuring);
    let (reply, mut early) = oneshot::channel();
    bed.state.on(Event::DebugAsked(None, DebugRequest::default(), reply));
    bed.state.on(Event::LeaveAsked(oneshot::channel().0));
    assert_eq!(waiting.try_recv().unwrap().unwrap_err().kind, Kind::Cancelled);
    assert_eq!(early.try_recv().unwrap().err().unwrap().kind, Kind::Cancelled);
}

#[tokio::test]
async fn a_request_while_a_link_is_rebuilt_hurries_it_and_does_not_end_it() {
    let mut bed = bed();
    let generation = bed.up().await;
    bed.state.on(Event::LinkLost(generation, LostReason::Closed));
    assert!(matches!(bed.state.link, LinkState::Pausing { attempt: 1, .. }));
    let (reply, mut answer) = oneshot::channel();
    assert_eq!(connects(&bed.state.on(Event::ConnectAsked(None, reply))), 1);
    let generation = bed.state.link.generation();
    let jobs = bed.state.on(Event::Linked(generation, Err(transient())));
    assert_eq!(answer.try_recv().unwrap().unwrap_err().kind, Kind::ConnectionTimedOut);
    assert!(matches!(bed.state.link, LinkState::Pausing { attempt: 2, .. }));
    assert!(matches!(jobs.as_slice(), [Job::After { .. }]));
}

#[tokio::test]
async fn a_lost_link_is_shown_once_or_told_in_the_answers() {
    let mut bed = bed();
    let generation = bed.up().await;
    bed.state.on(Event::LinkLost(generation, LostReason::Closed));
    assert_eq!(bed.faults(), [Kind::ConnectionLost]);
    let generation = bed.up().await;
    bed.state.on(Event::MirrorAsked(MirrorRequest::default(), oneshot::channel().0));
    bed.state.on(Event::LinkLost(generation, LostReason::Closed));
    assert_eq!(bed.faults(), [], "the request's answer tells it");
}

#[tokio::test]
async fn a_first_connection_that_fails_is_answered_and_not_tried_again() {
    let mut bed = bed();
    let (reply, mut answer) = oneshot::channel();
    bed.state.on(Event::ConnectAsked(Some("a".into()), reply));
    let generation = bed.state.link.generation();
    assert!(bed.state.on(Event::Linked(generation, Err(transient()))).is_empty());
    assert!(answer.try_recv().unwrap().is_err());
    assert!(matches!(bed.state.link, LinkState::Down(_)));
}

#[tokio::test]
async fn a_start_compares_again_unless_the_link_has_just_come_up() {
    let rescans = |jobs: &[Job]| -> Vec<bool> {
        let rescan = |job: &Job| match job {
            Job::Barrier { rescan, .. } | Job::MirrorAll { rescan, .. } => Some(*rescan),
            _ => None,
        };
        jobs.iter().filter_map(rescan).collect()
    };
    let mut waited = bed();
    let request = waited.program();
    waited.state.on(Event::DebugAsked(Some("a".into()), request, oneshot::channel().0));
    let generation = waited.state.link.generation();
    let jobs = waited.state.on(Event::Linked(generation, Ok(link_here().await)));
    assert_eq!(rescans(&jobs), [false], "the comparison of the new link is under way");

    let mut bed = bed();
    bed.up().await;
    let jobs = bed.state.on(Event::DebugAsked(None, bed.program(), oneshot::channel().0));
    assert_eq!(rescans(&jobs), [true], "nobody knows when the last comparison was");
    let jobs = bed.state.on(Event::MirrorAsked(MirrorRequest::default(), oneshot::channel().0));
    assert_eq!(rescans(&jobs), [true]);
}

#[tokio::test]
async fn a_barrier_of_an_older_link_starts_nothing() {
    let mut bed = bed();
    let generation = bed.up().await;
    bed.state.on(Event::LinkLost(generation, LostReason::Closed));
    bed.up().await;
    let (reply, mut answer) = oneshot::channel();
    let passed = Event::BarrierPassed(generation, Ok(arrived(&bed)), Box::new(bed.program()), reply);
    assert!(bed.state.on(passed).is_empty());
    assert_eq!(answer.try_recv().unwrap().err().unwrap().kind, Kind::ConnectionLost);

    let (reply, answer) = oneshot::channel();
    drop(answer);
    let generation = bed.state.link.generation();
    let passed = Event::BarrierPassed(generation, Ok(arrived(&bed)), Box::new(bed.program()), reply);
    assert!(bed.state.on(passed).is_empty(), "a cancelled request starts nothing either");
    assert!(bed.state.sessions.is_empty());
}

#[tokio::test]
async fn a_start_is_given_up_when_it_is_stopped_and_not_when_its_program_has_ended() {
    let mut bed = bed();
    let generation = bed.up().await;
    let start = |bed: &mut Bed| -> (SessionId, oneshot::Receiver<()>, oneshot::Receiver<_>) {
        let (reply, answer) = oneshot::channel();
        let passed = Event::BarrierPassed(generation, Ok(arrived(bed)), Box::new(bed.program()), reply);
        match bed.state.on(passed).pop() {
            Some(Job::StartDebug { session, given_up, .. }) => (session, given_up, answer),
            _ => panic!("no start"),
        }
    };
    let (session, mut given_up, _answer) = start(&mut bed);
    bed.state.on(Event::StopAsked(session, oneshot::channel().0));
    assert_eq!(given_up.try_recv(), Err(oneshot::error::TryRecvError::Closed));

    let (session, _given_up, _answer) = start(&mut bed);
    bed.state.on(Event::SessionSaid(session, SessionEvent::Exited(Exit::Code(0))));
    assert!(matches!(bed.state.sessions[&session].running, Running::Ended));
}

#[tokio::test]
async fn other_settings_end_what_runs_only_if_it_would_run_elsewhere() {
    let mut bed = bed();
    bed.up().await;
    let is_up = |bed: &Bed| matches!(bed.state.link, LinkState::Up { .. });
    let right = bed.state.settings.clone().unwrap();
    bed.state.on(Event::Configured(Err(Fault::new(Kind::BadSettings, "Wrong.", "Correct it."))));
    assert!(is_up(&bed), "half-typed settings end nothing");
    let (reply, mut answer) = oneshot::channel();
    bed.state.on(Event::MirrorAsked(MirrorRequest::default(), reply));
    assert_eq!(answer.try_recv().unwrap().unwrap_err().kind, Kind::BadSettings);

    let mut variable = right.clone();
    variable.targets[0].env.insert("A".into(), "1".into());
    bed.state.on(Event::Configured(Ok(variable)));
    assert!(is_up(&bed));
    assert_eq!(bed.state.target.as_ref().unwrap().env["A"], "1", "the next start has it");

    let mut elsewhere = right;
    elsewhere.targets[0].remote_root = Some("/elsewhere".into());
    bed.state.on(Event::Configured(Ok(elsewhere)));
    assert!(!is_up(&bed));
}

#[cfg(unix)]
#[tokio::test]
async fn a_program_whose_name_is_not_text_is_refused_and_not_taken_for_another() {
    use std::os::unix::ffi::OsStrExt as _;
    let mut bed = bed();
    let name = std::ffi::OsStr::from_bytes(b"caf\xe9.py");
    let file = Some(bed.state.workspace.root.as_path().join(name));
    let (reply, mut answer) = oneshot::channel();
    let request = DebugRequest { file, ..DebugRequest::default() };
    assert!(bed.state.on(Event::DebugAsked(Some("a".into()), request, reply)).is_empty());
    let fault = answer.try_recv().unwrap().err().unwrap();
    assert!(fault.kind == Kind::BadRequest && fault.message.contains("not UTF-8"), "{fault:?}");
}
