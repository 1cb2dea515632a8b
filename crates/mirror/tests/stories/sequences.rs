//! Sequences of what people and programs do to both trees, thousands of them drawn by chance. At the end the remote is
//! the local tree, byte for byte, and at no time was anything lost that somebody else had put there.
//!
//! The usual run draws the same sequences each time; a long one draws from a new seed, unless one is given:
//! `REMORA_SEQUENCES=5000 REMORA_SEED=7 cargo test -p remora-mirror --test stories sequences`.
//! A sequence that fails is shortened, printed with its seed, and written to `seeds/`, whose files are all played again
//! each time; a mended fault leaves its file there.

pub mod hands;
mod model;
mod play;
pub mod remote;
mod steps;
mod they;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use proptest::strategy::{Strategy as _, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use remora_testkit::sshd::{Sshd, SshdOptions};
use tokio::task::JoinSet;

use self::remote::Remote;
use self::steps::Case;

/// A sequence takes a fraction of a second; one that goes on for this long goes on for ever.
const PATIENCE: Duration = Duration::from_secs(90);
/// Rows of sequences at the same time: most of a sequence is waiting for something to settle.
const ROWS: u64 = 8;
/// How often something shorter is tried, and how often the same.
const TRIES: u32 = 300;
const AGAIN: u32 = 3;

/// A number from the environment.
fn asked(name: &str) -> Option<u64> {
    Some(std::env::var(name).ok()?.parse().unwrap_or_else(|_| panic!("{name} is a number")))
}

/// Plays a case with an agent that is used again, unless something was wrong.
async fn play(remote: &mut Option<Remote>, server: Option<&Arc<Sshd>>, case: &Case) -> Result<(), String> {
    let mut used = remote.take().unwrap_or_else(|| Remote::new(server.cloned()));
    let case = case.clone();
    let played = tokio::spawn(async move {
        let held = tokio::time::timeout(PATIENCE, play::play(&mut used, &case)).await;
        (held.unwrap_or_else(|_| Err("it does not come to rest".to_owned())), used)
    });
    match played.await {
        Ok((Ok(()), used)) => *remote = Some(used),
        Ok((Err(error), _)) => return Err(error),
        Err(panicked) => return Err(panicked.to_string()),
    }
    Ok(())
}

/// The sequence of a seed.
fn drawn(seed: u64) -> Case {
    let bytes: Vec<u8> = (0..4).flat_map(|part: u64| (seed ^ part << 56).to_le_bytes()).collect();
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    steps::case().new_tree(&mut TestRunner::new_with_rng(Config::default(), rng)).unwrap().current()
}

/// A shorter sequence that still fails, and how: steps are left out as long as that can be done, many at once first.
async fn shortened(mut case: Case, mut error: String, server: Option<&Arc<Sshd>>) -> (Case, String) {
    let mut remote = None;
    let (mut some, mut tries) = (case.steps.len().div_ceil(2), 0);
    while some > 0 && tries < TRIES {
        let mut from = 0;
        let before = case.steps.len();
        while from < case.steps.len() {
            let mut shorter = case.clone();
            shorter.steps.drain(from..(from + some).min(case.steps.len()));
            let mut held = Ok(());
            // What fails by chance fails now and then.
            for _ in 0..AGAIN {
                held = held.and(play(&mut remote, server, &shorter).await);
                tries += 1;
            }
            match held {
                Ok(()) => from += some,
                Err(fails) => (case, error) = (shorter, fails),
            }
        }
        if case.steps.len() == before || some > 1 {
            some /= 2;
        }
    }
    (case, error)
}

fn seeds() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stories/seeds")
}

#[allow(clippy::print_stdout, reason = "who sees it fail wants to know the seed")]
/// Draws and plays so many sequences, the seeds of which follow each other.
fn run(count: u64, server: Option<Arc<Sshd>>) {
    let now = || SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_micros();
    let usual = asked("REMORA_SEQUENCES").is_none();
    let first = asked("REMORA_SEED").unwrap_or_else(|| if usual { 1 } else { u64::try_from(now()).unwrap() });
    println!("{count} sequences from seed {first} on");
    let next = Arc::new(AtomicU64::new(0));
    let row = |server: Option<Arc<Sshd>>, next: Arc<AtomicU64>| async move {
        let mut remote = None;
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= count {
                return None;
            }
            let seed = first + number;
            let case = drawn(seed);
            if let Err(error) = play(&mut remote, server.as_ref(), &case).await {
                // The other rows need not go on.
                next.store(count, Ordering::Relaxed);
                return Some((seed, error));
            }
        }
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut rows = JoinSet::new();
        for _ in 0..ROWS {
            rows.spawn(row(server.clone(), next.clone()));
        }
        let mut failed = None;
        while let Some(row) = rows.join_next().await {
            failed = failed.or(row.unwrap());
        }
        if let Some((seed, error)) = failed {
            let (case, error) = shortened(drawn(seed), error, server.as_ref()).await;
            let file = seeds().join(format!("{seed}.txt"));
            let text = format!("# Seed {seed}, shortened.\n{case}");
            std::fs::write(&file, &text).unwrap();
            panic!("{error}\n{text}kept as {}", file.display());
        }
    });
}

#[test]
fn any_sequence_ends_in_equal_trees_and_loses_nothing() {
    run(asked("REMORA_SEQUENCES").unwrap_or(400), None);
}

#[test]
fn any_sequence_over_ssh_does_too() {
    let server = Arc::new(Sshd::start(SshdOptions::default()));
    run(asked("REMORA_SEQUENCES").unwrap_or(400) / 10, Some(server));
}

#[test]
fn every_sequence_that_once_failed_holds() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let mut remote = None;
    for entry in std::fs::read_dir(seeds()).unwrap() {
        let file = entry.unwrap().path();
        if file.extension().is_none_or(|ending| ending != "txt") {
            continue;
        }
        let case = Case::read(&std::fs::read_to_string(&file).unwrap());
        let held = runtime.block_on(play(&mut remote, None, &case));
        held.unwrap_or_else(|error| panic!("{}: {error}\n{case}", file.display()));
    }
}
