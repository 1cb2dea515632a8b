//! A lost connection or a killed process loses nothing and makes nothing look foreign.

use std::fs;

use remora_mirror::{Blocked, Notice, Phase};

use crate::pair::Pair;

#[tokio::test(flavor = "multi_thread")]
async fn work_waits_for_the_next_connection() {
    let pair = Pair::new();
    pair.write("a", "1");
    let mut running = pair.mirrored().await;
    running.agent.take().unwrap().cut().await;
    running.mirror.link_lost();
    running.mirror.saved(&pair.write("a", "2"));
    running.mirror.saved(&pair.write("new", "3"));
    assert_eq!(running.barrier().await, Err(Blocked::LinkLost));
    assert_eq!(running.mirror.status().phase, Phase::WaitingForLink);
    running.connect(&pair).await;
    running.barrier().await.unwrap();
    pair.assert_same();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_was_cut_goes_on_where_it_was() {
    let pair = Pair::new();
    for n in 0..1000 {
        pair.write(&format!("d{}/f{n}", n % 50), format!("{n}\n").repeat(100));
    }
    pair.write("0 large", vec![1_u8; 200 << 20]);
    let mut running = pair.start();
    running.connect(&pair).await;
    let busy = |notice: &Notice| matches!(notice, Notice::Progress(progress) if progress.files_done > 0).then_some(());
    running.until("some files", busy).await;
    running.agent.take().unwrap().cut().await;
    // The mirror finds out by itself, before anybody tells it.
    running
        .until("the phase", |notice| match notice {
            Notice::Status(status) if status.phase == Phase::WaitingForLink => Some(()),
            _ => None,
        })
        .await;
    running.mirror.link_lost();
    running.connect(&pair).await;
    running.barrier().await.unwrap();
    pair.assert_same();
    assert!(running.mirror.status().diverged.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_run_sends_only_what_changed() {
    let pair = Pair::new();
    for n in 0..20 {
        pair.write(&format!("f{n}"), "1");
    }
    drop(pair.mirrored().await);
    pair.write("f3", "2");
    fs::remove_file(pair.here("f4")).unwrap();
    let mut running = pair.start();
    running.connect(&pair).await;
    let (files, bytes, mut paths) = running.batch().await;
    paths.sort();
    assert_eq!((files, bytes, paths), (2, 1, vec!["f3".to_owned(), "f4".to_owned()]));
    pair.assert_same();
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_record_everything_is_known_again_by_its_bytes() {
    let pair = Pair::new();
    for n in 0..20 {
        pair.write(&format!("d/f{n}"), "1");
    }
    drop(pair.mirrored().await);
    for garbled in [None, Some("no index at all\n")] {
        match garbled {
            None => fs::remove_file(pair.home.path().join("index")).unwrap(),
            Some(text) => fs::write(pair.home.path().join("index"), text).unwrap(),
        }
        let mut running = pair.start();
        running.connect(&pair).await;
        assert_eq!(running.batch().await, (0, 0, vec![]));
        let told =
            |notice: &Notice| matches!(notice, Notice::Trouble { error: remora_mirror::MirrorError::Record(_), .. });
        assert_eq!(running.heard.iter().any(told), garbled.is_some());
        running.save(&pair, "d/f1", "2").await;
        running.barrier().await.unwrap();
        pair.assert_same();
    }
}

/// A kill leaves the index as it was at that moment. Each prefix of its lines is such a moment, paired
/// with what the remote may then have: what was sent, or what was there before.
#[tokio::test(flavor = "multi_thread")]
async fn a_kill_at_any_moment_never_makes_our_file_look_foreign() {
    let pair = Pair::new();
    pair.write("a", "1");
    let mut running = pair.mirrored().await;
    running.barrier().await.unwrap();
    let index = pair.home.path().join("index");
    let first = fs::read(&index).unwrap();
    running.save(&pair, "a", "22").await;
    running.save(&pair, "a", "333").await;
    running.barrier().await.unwrap();
    drop(running);
    let whole = fs::read(&index).unwrap();
    assert!(whole.starts_with(&first), "the log only grows");
    let ends: Vec<usize> = (first.len()..=whole.len()).filter(|&end| end > 0 && whole[end - 1] == b'\n').collect();
    assert_eq!(ends.len(), 9, "before the saves, and for each two lines between the marks of work and rest");
    // After which line what may be there: a write leaves only after its line of intent.
    let (first, second): (&[&str], &[&str]) = (&["1", "22"], &["22", "333"]);
    let may_be: [&[&str]; 9] = [&["1"], &["1"], first, &["22"], &["22"], &["22"], second, &["333"], &["333"]];
    for (end, texts) in ends.into_iter().zip(may_be) {
        for text in texts {
            fs::write(&index, &whole[..end]).unwrap();
            fs::write(pair.there("a"), text).unwrap();
            pair.write("a", "edited after the kill");
            let mut running = pair.start();
            running.connect(&pair).await;
            running.batch().await;
            running.barrier().await.unwrap_or_else(|blocked| panic!("{end} {text}: {blocked}"));
            pair.assert_same();
        }
    }
}
