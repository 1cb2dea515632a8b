//! Owns the proof that a second editor hears of the first, and that a killed one holds nothing.

use std::time::Duration;

use remora_agent::Claim;

use crate::rig::{Rig, open, shell};

fn who(host: &str) -> Claim {
    Claim { host: host.into(), user: "me".into(), root: "/project".into(), since: 7, mirror: "first".into() }
}

#[tokio::test]
async fn a_claim_tells_who_has_the_root_until_that_agent_is_killed() {
    let mut rig = Rig::start().await;
    let (second, mut child) = open(&mut shell(rig.scratch()), true).await;
    let second = second.unwrap();
    for _ in 0..2 {
        assert_eq!(
            rig.link.claim(&rig.root, &who("first"), Duration::ZERO).await.unwrap(),
            None,
            "it stays with whoever has it"
        );
        assert_eq!(second.claim(&rig.root, &who("second"), Duration::ZERO).await.unwrap(), Some(who("first")));
    }
    // The shell has become the agent's interpreter or its parent; its own process holds the lock.
    let agent = rig.link.hello().pid;
    assert!(std::process::Command::new("kill").arg("-KILL").arg(agent.to_string()).status().unwrap().success());
    rig.link.lost().await;
    rig.child.wait().await.unwrap();
    assert_eq!(second.claim(&rig.root, &who("second"), Duration::ZERO).await.unwrap(), None);
    second.close().await;
    child.wait().await.unwrap();
}

#[tokio::test]
async fn an_earlier_agent_of_the_same_person_is_waited_for_and_nobody_else() {
    let rig = Rig::start().await;
    let (second, mut child) = open(&mut shell(rig.scratch()), true).await;
    let second = second.unwrap();
    let (now, later) = (who("first"), Claim { since: 9, mirror: "second".into(), ..who("first") });
    let long = Duration::from_secs(3600);
    assert_eq!(rig.link.claim(&rig.root, &now, long).await.unwrap(), None);
    assert_eq!(second.claim(&rig.root, &who("second"), long).await.unwrap(), Some(now.clone()));
    assert_eq!(second.claim(&rig.root, &later, Duration::from_millis(1)).await.unwrap(), Some(now));
    let root = rig.root.clone();
    let (held_by, ()) = tokio::join!(biased; second.claim(&root, &later, long), rig.end());
    assert_eq!(held_by.unwrap(), None);
    second.close().await;
    child.wait().await.unwrap();
}

#[tokio::test]
async fn an_earlier_agent_of_the_same_mirror_is_ended() {
    let mut rig = Rig::start().await;
    let (second, mut child) = open(&mut shell(rig.scratch()), true).await;
    let second = second.unwrap();
    assert_eq!(rig.link.claim(&rig.root, &who("me"), Duration::ZERO).await.unwrap(), None);
    let later = Claim { since: 9, ..who("me") };
    let seen = second.claim(&rig.root, &later, Duration::ZERO).await.unwrap();
    assert_eq!(seen, Some(who("me")), "nobody is ended who need not be waited for");
    assert_eq!(second.claim(&rig.root, &later, Duration::from_millis(1)).await.unwrap(), None);
    rig.link.lost().await;
    rig.child.wait().await.unwrap();
    second.close().await;
    child.wait().await.unwrap();
}
