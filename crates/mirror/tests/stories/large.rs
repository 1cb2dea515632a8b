//! A large file that was changed here and there is changed over there, without being sent again.

use std::fs;
use std::sync::atomic::Ordering;

use remora_mirror::{Blocked, Notice};
use remora_model::Digest;
use remora_testkit::noise::noise;

use crate::pair::{Pair, Running, rel};

const MIB: usize = 1 << 20;

/// Saves, and returns how much was sent for it.
async fn saved(running: &mut Running, pair: &Pair, bytes: &[u8]) -> u64 {
    let sent = |running: &Running| running.agent.as_ref().unwrap().sent.load(Ordering::Relaxed);
    let before = sent(running);
    running.save(pair, "f", bytes).await;
    sent(running) - before
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_sends_what_changed_wherever_it_is() {
    let pair = Pair::new();
    let mut bytes = noise(8 * MIB, 1);
    pair.write("f", &bytes);
    let mut running = pair.mirrored().await;
    let mut edit = |what: &str| {
        match what {
            "insert" => drop(bytes.splice(4 * MIB..4 * MIB, noise(200, 2))),
            "at the beginning" => drop(bytes.splice(0..0, noise(200, 3))),
            "at the end" => bytes.extend(noise(200, 4)),
            "in place" => bytes[3 * MIB..3 * MIB + 200].fill(7),
            "cut out" => drop(bytes.drain(2 * MIB..3 * MIB + 7)),
            "cut off" => bytes.truncate(5 * MIB),
            "moved" => bytes.rotate_left(MIB + 12_345),
            other => panic!("{other}"),
        }
        bytes.clone()
    };
    for what in ["insert", "at the beginning", "at the end", "in place", "cut out", "cut off", "moved"] {
        let sent = saved(&mut running, &pair, &edit(what)).await;
        pair.assert_same();
        // Three of the longest chunks, and what else is said.
        assert!(sent < 3 * 65_536 + 4096, "{what}: {sent}");
    }
    running.barrier().await.unwrap();
    // What has nothing in common with it is sent whole.
    let other = noise(2 * MIB, 5);
    assert!(saved(&mut running, &pair, &other).await > 2 * MIB as u64);
    pair.assert_same();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_remote_holds_is_still_known_after_a_restart() {
    let pair = Pair::new();
    let mut bytes = noise(4 * MIB, 11);
    pair.write("f", &bytes);
    drop(pair.mirrored().await);
    let mut running = pair.mirrored().await;
    bytes[MIB] ^= 1;
    assert!(saved(&mut running, &pair, &bytes).await < MIB as u64 / 2);
    pair.assert_same();
    // Also what was changed while nobody looked.
    drop(running);
    bytes.splice(9..9, noise(100, 12));
    pair.write("f", &bytes);
    let running = pair.mirrored().await;
    assert!(running.agent.as_ref().unwrap().sent.load(Ordering::Relaxed) < MIB as u64 / 2);
    pair.assert_same();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_else_wrote_into_it_is_not_built_upon() {
    let pair = Pair::new();
    let mut bytes = noise(4 * MIB, 21);
    pair.write("f", &bytes);
    let mut running = pair.mirrored().await;
    let mut his = bytes.clone();
    his[3 * MIB] ^= 1;
    pair.write_there("f", &his);
    bytes.splice(MIB..MIB, noise(100, 22));
    running.mirror.saved(&pair.write("f", &bytes));
    running.until("it", |notice| matches!(notice, Notice::Diverged { .. }).then_some(())).await;
    assert_eq!(running.barrier().await, Err(Blocked::Diverged(vec![rel("f")])));
    assert!(fs::read(pair.there("f")).unwrap() == his);
    running.mirror.overwrite(vec![rel("f")]);
    running.batch().await;
    pair.assert_same();
}

/// The list says that two chunks stand where they do not: what was rebuilt by it does not fit, and is not kept.
#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_is_wrong_costs_time_and_no_byte() {
    let pair = Pair::new();
    let mut bytes = noise(4 * MIB, 31);
    pair.write("f", &bytes);
    drop(pair.mirrored().await);
    let lists = fs::read_dir(pair.home.path().join("index.chunks")).unwrap();
    let place = lists.map(|entry| entry.unwrap().path()).next().unwrap();
    let mut list = fs::read(&place).unwrap();
    let chunks = list.iter().position(|&byte| byte == b'\n').unwrap() + 1;
    let end = list.len() - 32;
    list[chunks..end].rotate_left(20);
    let check = Digest::of(&list[..end]);
    list[end..].copy_from_slice(check.as_bytes());
    fs::write(&place, list).unwrap();
    let mut running = pair.mirrored().await;
    bytes[MIB] ^= 1;
    assert!(saved(&mut running, &pair, &bytes).await > 4 * MIB as u64);
    pair.assert_same();
    bytes[MIB] ^= 1;
    assert!(saved(&mut running, &pair, &bytes).await < MIB as u64 / 2);
    pair.assert_same();
}
