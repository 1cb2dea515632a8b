//! Random sequences of what people and programs do to both trees. At the end the remote is the local
//! tree, byte for byte, and at no time was anything lost that somebody else had put there.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use proptest::prelude::{Just, Strategy, prop_oneof};
use proptest::test_runner::{Config, TestRunner};
use remora_mirror::{Blocked, Notice};

use crate::pair::{Agent, Pair, Running, put, tree};

/// Names that collide in every way: files, directories, and one below the other.
const NAMES: &[&str] = &["a", "b", "d", "d/a", "d/b", "d/e", "d/e/a", "a/x", "b/\n\"y\" z"];

#[derive(Debug, Clone)]
enum Step {
    Write(usize, u8),
    Mkdir(usize),
    Link(usize, u8),
    Remove(usize),
    Rename(usize, usize),
    Chmod(usize, u32),
    Saved(usize),
    Rescan,
    Settle,
    Restart,
    EditThere(usize),
    RemoveThere(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let name = || 0..NAMES.len();
    prop_oneof![
        6 => (name(), 0..4_u8).prop_map(|(name, text)| Step::Write(name, text)),
        2 => name().prop_map(Step::Mkdir),
        2 => (name(), 0..3_u8).prop_map(|(name, text)| Step::Link(name, text)),
        3 => name().prop_map(Step::Remove),
        2 => (name(), name()).prop_map(|(from, to)| Step::Rename(from, to)),
        1 => (name(), prop_oneof![Just(0o644_u32), Just(0o755), Just(0o600)]).prop_map(|(name, mode)| Step::Chmod(name, mode)),
        4 => name().prop_map(Step::Saved),
        1 => Just(Step::Rescan),
        2 => Just(Step::Settle),
        1 => Just(Step::Restart),
        2 => name().prop_map(Step::EditThere),
        1 => name().prop_map(Step::RemoveThere),
    ]
}

/// What somebody else did on the remote.
#[derive(Default)]
struct Foreign {
    /// Files, and the bytes that have to stay.
    files: BTreeMap<PathBuf, Vec<u8>>,
    /// All that was ever made or edited there by hand, and the directories above.
    touched: BTreeSet<PathBuf>,
    count: u32,
}

fn remove(place: &Path) {
    match fs::symlink_metadata(place) {
        Ok(metadata) if metadata.is_dir() => fs::remove_dir_all(place).unwrap(),
        Ok(_) => fs::remove_file(place).unwrap(),
        Err(_) => {}
    }
}

fn is_real_dir(place: &Path) -> bool {
    fs::symlink_metadata(place).is_ok_and(|metadata| metadata.is_dir())
}

/// Makes room for something at `name`: whatever is above becomes a directory, whatever is there goes.
fn clear_way(root: &Path, name: &str) -> PathBuf {
    let place = root.join(name);
    let above: Vec<&Path> = Path::new(name).ancestors().skip(1).filter(|dir| !dir.as_os_str().is_empty()).collect();
    for dir in above.into_iter().rev() {
        if !is_real_dir(&root.join(dir)) {
            remove(&root.join(dir));
            fs::create_dir(root.join(dir)).unwrap();
        }
    }
    remove(&place);
    place
}

impl Foreign {
    /// Edits or makes a file there, but takes nothing of ours away to do it.
    fn edit(&mut self, root: &Path, name: &str) {
        let below_leaf = |dir: &Path| {
            let place = root.join(dir);
            place.symlink_metadata().is_ok() && !is_real_dir(&place)
        };
        let blocked = Path::new(name).ancestors().skip(1).any(below_leaf);
        let place = root.join(name);
        if blocked || is_real_dir(&place) || place.is_symlink() {
            return;
        }
        self.count += 1;
        let bytes = format!("foreign {}", self.count).into_bytes();
        put(root, name, &bytes);
        self.files.insert(name.into(), bytes);
        for path in Path::new(name).ancestors() {
            self.touched.insert(path.to_owned());
        }
    }

    fn remove(&mut self, root: &Path, name: &str) {
        let place = root.join(name);
        if place.parent().is_some_and(is_real_dir) {
            remove(&place);
        }
        self.files.retain(|path, _| !path.starts_with(name));
    }

    fn assert_untouched(&self, root: &Path) {
        for (path, bytes) in &self.files {
            let there =
                fs::read(root.join(path)).unwrap_or_else(|error| panic!("{} was lost: {error}", path.display()));
            assert_eq!(&there, bytes, "{} was overwritten", path.display());
        }
    }
}

async fn connected(pair: &Pair, agent: &Agent) -> Running {
    let mut running = pair.start();
    running.mirror.link_up(agent.link.clone());
    running.batch().await;
    running
}

async fn run(agent: &Agent, steps: Vec<Step>) {
    let pair = Pair::new();
    let (here, there) = (pair.local.path().to_owned(), pair.remote.path().to_owned());
    // An empty root beside a full record counts as unmounted; so it never is quite empty.
    pair.write("always", "here");
    let mut foreign = Foreign::default();
    let mut running = connected(&pair, agent).await;
    for step in steps {
        match step {
            Step::Write(name, text) => {
                fs::write(clear_way(&here, NAMES[name]), "text".repeat(text.into())).unwrap();
            }
            Step::Mkdir(name) => fs::create_dir(clear_way(&here, NAMES[name])).unwrap(),
            Step::Link(name, text) => symlink(format!("to{text}"), clear_way(&here, NAMES[name])).unwrap(),
            Step::Remove(name) => {
                if here.join(NAMES[name]).parent().is_some_and(is_real_dir) {
                    remove(&here.join(NAMES[name]));
                }
            }
            Step::Rename(from, to) => {
                let (from, to) = (NAMES[from], NAMES[to]);
                let within = Path::new(from).starts_with(to) || Path::new(to).starts_with(from);
                if !within && here.join(from).symlink_metadata().is_ok() {
                    let place = clear_way(&here, to);
                    let _ = fs::rename(here.join(from), place);
                }
            }
            Step::Chmod(name, mode) => {
                let place = here.join(NAMES[name]);
                if fs::symlink_metadata(&place).is_ok_and(|metadata| metadata.is_file()) {
                    fs::set_permissions(place, Permissions::from_mode(mode)).unwrap();
                }
            }
            Step::Saved(name) => running.mirror.saved(&here.join(NAMES[name])),
            Step::Rescan => running.mirror.rescan(),
            Step::Settle => drop(running.barrier().await),
            Step::Restart => {
                drop(running);
                running = connected(&pair, agent).await;
            }
            // By hand there only while nothing of ours is on its way: else it is anybody's race.
            Step::EditThere(name) => {
                let _ = running.barrier().await;
                foreign.edit(&there, NAMES[name]);
            }
            Step::RemoveThere(name) => {
                let _ = running.barrier().await;
                foreign.remove(&there, NAMES[name]);
            }
        }
        foreign.assert_untouched(&there);
    }
    let _ = running.barrier().await;
    running.rescan().await;
    let _ = running.barrier().await;
    foreign.assert_untouched(&there);
    finish(&mut running, &here, &there, &foreign).await;
}

/// The user lets the local tree win. What still can't be there stands below or above something foreign.
async fn finish(running: &mut Running, here: &Path, there: &Path, foreign: &Foreign) {
    running.mirror.overwrite(Vec::new());
    let _ = running.barrier().await;
    running.rescan().await;
    running.mirror.overwrite(Vec::new());
    let blocked = running.barrier().await;
    let status = running.mirror.status();
    let excused = |path: &Path| {
        status
            .failed
            .iter()
            .any(|(failed, _)| path.starts_with(failed.to_local()) || failed.to_local().starts_with(path))
    };
    let (here, there) = (tree(here), tree(there));
    for (path, found) in here.iter().filter(|(path, _)| !excused(path)) {
        assert_eq!(there.get(path), Some(found), "{}", path.display());
    }
    for (path, found) in &there {
        let fine = here.contains_key(path) || foreign.touched.contains(path) || excused(path);
        assert!(fine, "{} should not be there: {found:?}", path.display());
    }
    match blocked {
        Ok(_) => assert!(status.failed.is_empty() && status.diverged.is_empty()),
        Err(Blocked::Failed(path, _)) => {
            let near = |touched: &PathBuf| path.to_local().starts_with(touched) || touched.starts_with(path.to_local());
            assert!(foreign.touched.iter().any(near), "{path} failed for no reason: {status:?}");
        }
        Err(other) => panic!("{other}: {status:?}"),
    }
    assert!(!running.heard.iter().any(|notice| matches!(notice, Notice::Trouble { path: None, .. })));
}

/// A sequence takes a fraction of a second; one that goes on for this long goes on for ever.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(30);

/// `PROPTEST_CASES` asks for more.
fn sequences() {
    let asked = std::env::var_os("PROPTEST_CASES").is_some();
    let cases = if asked { Config::default().cases } else { 200 };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let home = Pair::new();
    let agent = runtime.block_on(home.agent());
    // The runner prints the shortest failing sequence, which is all that is needed to see it again.
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 200, ..Config::default() };
    let mut runner = TestRunner::new(config);
    let result = runner.run(&proptest::collection::vec(step(), 1..25), |steps| {
        let done = runtime.block_on(async { tokio::time::timeout(PATIENCE, run(&agent, steps)).await });
        assert!(done.is_ok(), "it does not come to rest");
        Ok(())
    });
    if let Err(error) = result {
        panic!("{error}");
    }
}

#[test]
fn any_sequence_ends_in_equal_trees_and_loses_nothing() {
    sequences();
}
