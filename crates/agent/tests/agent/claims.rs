//! Owns the proof that a second editor hears of the first, and that a killed one holds nothing.

use remora_agent::Claim;

use crate::rig::{Rig, open, shell};

fn who(host: &str) -> Claim {
    Claim { host: host.into(), user: "me".into(), root: "/project".into(), since: 7 }
}

#[tokio::test]
async fn a_claim_tells_who_has_the_root_until_that_agent_is_killed() {
    let mut rig = Rig::start().await;
    let (second, mut child) = open(&mut shell(rig.scratch()), true).await;
    let second = second.unwrap();
    for _ in 0..2 {
        assert_eq!(rig.link.claim(&rig.root, &who("first")).await.unwrap(), None, "it stays with whoever has it");
        assert_eq!(second.claim(&rig.root, &who("second")).await.unwrap(), Some(who("first")));
    }
    // The shell has become the agent's interpreter or its parent; its own process holds the lock.
    let agent = rig.link.hello().pid;
    assert!(std::process::Command::new("kill").arg("-KILL").arg(agent.to_string()).status().unwrap().success());
    rig.link.lost().await;
    rig.child.wait().await.unwrap();
    assert_eq!(second.claim(&rig.root, &who("second")).await.unwrap(), None);
    second.close().await;
    child.wait().await.unwrap();
}
