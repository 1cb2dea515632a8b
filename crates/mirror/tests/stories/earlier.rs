//! An agent whose connection was cut works off what had reached it, and the next one does not look before that.

use std::fs;
use std::time::Duration;

use remora_mirror::Phase;
use rustix::process::{Pid, Signal, kill_process};
use tokio::time::timeout;

use crate::pair::Pair;
use crate::sequences::remote::Remote;

/// Longer than any wait here takes.
const PATIENCE: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread")]
async fn what_an_earlier_agent_still_does_is_not_somebody_elses() {
    for restart in [false, true] {
        let (pair, mut remote) = (Pair::new(), Remote::new(None));
        pair.write("a", "1");
        let mut running = pair.start();
        running.mirror.link_up(remote.agent().await.link.clone());
        running.batch().await;
        let agent = remote.running().unwrap();
        // What is asked after it is answered after it.
        timeout(PATIENCE, agent.wire.until_passed("claim")).await.unwrap();
        running.barrier().await.unwrap();
        let pid = Pid::from_raw(i32::try_from(agent.link.hello().pid).unwrap()).unwrap();
        kill_process(pid, Signal::STOP).unwrap();
        // It reaches the agent, which does not get to it before its connection is gone.
        running.mirror.saved(&pair.write("d/b", "sent, and removed before anybody knows"));
        timeout(PATIENCE, agent.wire.until_changes(agent.wire.changes() + 1)).await.unwrap();
        fs::remove_dir_all(pair.here("d")).unwrap();
        remote.cut(false).await;
        running.mirror.link_lost();
        if restart {
            drop(running);
            running = pair.start();
        }
        let agent = remote.agent().await;
        running.mirror.link_up(agent.link.clone());
        timeout(PATIENCE, agent.wire.until_passed("claim")).await.unwrap();
        assert!(!pair.is_there("d"));
        kill_process(pid, Signal::CONT).unwrap();
        running.batch().await;
        running.barrier().await.unwrap();
        remote.quiet().await;
        assert!(!pair.is_there("d"), "restarted: {restart}");
        assert_eq!(running.mirror.status().phase, Phase::InSync);
        pair.assert_same();
    }
}
