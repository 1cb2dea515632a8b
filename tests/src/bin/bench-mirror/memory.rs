//! Owns the case "memory": what Remora holds and costs on both sides while it watches a large tree in which nothing
//! happens. No rival does that.

use std::time::Duration;

use remora_tests::bench::editor::Editor;
use remora_tests::bench::row::{Figure, Goal, Row};

use crate::bed::Bed;
use crate::ground::{files, sides};
use crate::process::Process;
use crate::road::Road;

/// When all is mirrored, Remora gives back what that took after some quiet seconds. That is the end of the work and not
/// what watching costs.
const AFTERWARDS: Duration = Duration::from_secs(5);
/// How long nothing happens.
const IDLE: Duration = Duration::from_secs(10);
const SIDECAR_AT_MOST: Figure = Figure::Bytes(30_000_000);
const AGENT_AT_MOST: Figure = Figure::Bytes(40_000_000);

pub(crate) async fn run(bed: &Bed, road: &Road) {
    let folder = bed.ground.folder("memory");
    let sides = sides(&folder, "tree");
    bed.ground.tree(&sides.local_root, bed.ground.watched_copies).await;
    let case = format!("watching {} files", files(&sides.local_root).len());
    let mut editor = Editor::start(&bed.ground.home(), &sides, &road.ssh_config).await;
    editor.mirror().await;
    editor.settle().await;
    tokio::time::sleep(AFTERWARDS).await;
    let sidecar = Process(editor.pid());
    let agent = bed.sshd.sessions().into_iter().map(Process).find(|process| process.name().starts_with("python"));
    let agent = agent.expect("the agent runs below sshd");

    let before = [&sidecar, &agent].map(Process::worked);
    tokio::time::sleep(IDLE).await;
    let after = [&sidecar, &agent].map(Process::worked);
    let load = |side: usize| Figure::Percent(100.0 * (after[side] - before[side]).as_secs_f64() / IDLE.as_secs_f64());
    let tell = |what: &str, ours, goal| {
        bed.tell(&Row { case: format!("{case}, {what}"), round_trip: None, ours, rival: None, goal });
    };
    tell("sidecar", Figure::Bytes(sidecar.resident()), Goal::AtMost(SIDECAR_AT_MOST));
    tell("sidecar at its peak", Figure::Bytes(sidecar.peak()), Goal::None);
    tell("sidecar's CPU", load(0), Goal::AtMost(Figure::Percent(0.0)));
    tell("agent", Figure::Bytes(agent.resident()), Goal::AtMost(AGENT_AT_MOST));
    tell("agent at its peak", Figure::Bytes(agent.peak()), Goal::None);
    tell("agent's CPU", load(1), Goal::None);
    editor.close().await;
}
