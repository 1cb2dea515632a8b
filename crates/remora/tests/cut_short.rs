//! Uploads that are killed at any moment: the program, its connection, or the agent. Each file there is the old one or
//! the new one, whole; the next start finishes the work, says so, and leaves nothing behind.
//!
//! The moments are numbers of bytes, drawn by chance from a seed that is printed. For many, or for certain ones:
//! `REMORA_MOMENTS=200 REMORA_SEED=7 cargo test -p remora --test cut_short`.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a story that can't go on has failed")]
#![allow(clippy::print_stdout, reason = "who sees it fail wants to know the moment")]

use std::collections::BTreeMap;
use std::fs::{self, File, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use remora_testkit::command::Ended;
use remora_testkit::scene::{Scene, text};
use remora_testkit::sshd::{Sshd, SshdOptions};

const BINARY: &str = env!("CARGO_BIN_EXE_remora");
const CUTTER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/programs/cutter.py");
/// How many small files there are; that is more than fit one pack with their bytes.
const FILES: u32 = 40;
/// One that is streamed.
const LARGE: &str = "data/large.bin";
/// How many files a folder has that gets another name with each version.
const MOVED: u32 = 12;

/// A generator that is good enough for moments, and the same everywhere.
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }
}

fn asked(name: &str) -> Option<u64> {
    Some(std::env::var(name).ok()?.parse().unwrap_or_else(|_| panic!("{name} is a number")))
}

/// The folder that has another name with each version.
fn moving(version: u32) -> String {
    format!("moving{}", version % 3)
}

/// All bytes of a file of that version; they can't be compressed, and no other version has one of them in its place.
fn content(name: &str, version: u32) -> Vec<u8> {
    // What moves is the same under each name.
    let name = if name.starts_with("moving") { &name[7..] } else { name };
    let size = if name == LARGE { 1_300_000 } else { 3000 + name.len() * 40 };
    let seed = name.bytes().fold(u64::from(version), |seed, byte| seed.wrapping_mul(31).wrapping_add(u64::from(byte)));
    let mut chance = Chance(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let mut bytes = format!("{version} {name}\n").into_bytes();
    while bytes.len() < size {
        bytes.extend_from_slice(&chance.below(1 << 31).to_le_bytes()[..3]);
    }
    bytes
}

/// The version that a file has, if it is one and whole.
fn version_of(name: &str, bytes: &[u8]) -> u32 {
    let first = bytes.split(|&byte| byte == b' ').next().unwrap();
    let version = String::from_utf8_lossy(first).parse().unwrap_or_else(|_| panic!("{name} is no version of anything"));
    assert!(content(name, version) == bytes, "{name} is not whole: {} bytes, begins as {version}", bytes.len());
    version
}

/// Files and their bytes.
fn tree(root: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut open = vec![root.to_owned()];
    while let Some(dir) = open.pop() {
        // What goes away meanwhile is not there.
        for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
            let place = entry.path();
            if place.is_dir() {
                open.push(place);
            } else if let Ok(bytes) = fs::read(&place) {
                files.insert(text(place.strip_prefix(root).unwrap()).to_owned(), bytes);
            }
        }
    }
    files
}

fn is_temporary(name: &str) -> bool {
    name.rsplit('/').next().unwrap().starts_with(".remora-")
}

/// A project that has another version for each moment.
struct Story {
    scene: Scene,
    cutter: PathBuf,
    _server: Option<Sshd>,
    version: u32,
    /// What there is to end.
    kinds: &'static [&'static str],
    /// How many bytes a whole upload takes.
    whole: u64,
}

impl Story {
    fn new(ssh: bool) -> Self {
        let mut scene = Scene::new(BINARY, &[]);
        let cutter = scene.folder.path().join("cutter");
        fs::create_dir(&cutter).unwrap();
        let command = format!("python3 {CUTTER} {}", cutter.display());
        let options = SshdOptions { force_command: Some(command.clone()), ..SshdOptions::default() };
        let server = ssh.then(|| Sshd::start(options));
        scene.target = match &server {
            Some(server) => ["--host", "box", "--ssh-config", text(&server.ssh_config())].map(String::from).to_vec(),
            None => vec!["--command".to_owned(), command],
        };
        let kinds: &[&str] = if ssh { &["server", "sidecar", "agent"] } else { &["sidecar", "agent", "pipe"] };
        Self { scene, cutter, _server: server, version: 0, kinds, whole: 0 }
    }

    fn names() -> impl Iterator<Item = String> {
        (0..FILES).map(|n| format!("pkg{}/file {n}.py", n % 5)).chain([LARGE.to_owned()])
    }

    /// The next version of everything; a third of the files come and go.
    fn edit(&mut self) {
        let old = self.scene.local().join(moving(self.version));
        self.version += 1;
        let new = self.scene.local().join(moving(self.version));
        if fs::rename(old, &new).is_err() {
            fs::create_dir_all(new.join("sub")).unwrap();
            for n in 0..MOVED {
                let name = format!("{}/sub/file {n}.py", moving(self.version));
                fs::write(self.scene.local().join(&name), content(&name, 1)).unwrap();
            }
        }
        for (n, name) in (0..).zip(Self::names()) {
            let place = self.scene.local().join(&name);
            fs::create_dir_all(place.parent().unwrap()).unwrap();
            if n % 3 == 0_u32 && (n / 3 + self.version).is_multiple_of(2) {
                // Not there the first time.
                let _ = fs::remove_file(place);
                continue;
            }
            fs::write(&place, content(&name, self.version)).unwrap();
            fs::set_permissions(&place, Permissions::from_mode([0o644, 0o755][self.version as usize % 2])).unwrap();
        }
    }

    async fn run(&self, kind: &str, bytes: u64) -> Ended {
        fs::write(self.cutter.join("moment"), format!("{kind} {bytes}")).unwrap();
        let mut running = self.scene.user.start(self.scene.args("mirror", &[]));
        fs::write(self.cutter.join("sidecar"), running.pid().to_string()).unwrap();
        running.close_stdin();
        running.end().await
    }

    /// Waits until nothing of earlier runs lives over there.
    fn quiet(&self) {
        let alive = File::options().create(true).append(true).open(self.cutter.join("alive")).unwrap();
        rustix::fs::flock(&alive, rustix::fs::FlockOperation::LockExclusive).unwrap();
    }

    /// A run that nobody ends: everything is there then, and nothing else.
    async fn finish(&mut self, cut_short: bool) {
        let ended = self.run("never", 0).await;
        assert!(ended.status.success(), "{ended:#?}");
        self.quiet();
        let (here, there) = (tree(&self.scene.local()), tree(&self.scene.remote()));
        assert_eq!(here.keys().collect::<Vec<_>>(), there.keys().collect::<Vec<_>>());
        assert!(here == there, "the bytes differ");
        let said = ended.events.iter().any(|event| event["event"] == "resumed");
        assert!(said || !cut_short, "nothing is said of the work that was cut short: {ended:#?}");
    }

    /// Ends an upload at one moment. Whether it was cut short in the middle.
    async fn cut(&mut self, chance: &mut Chance) -> bool {
        let before = tree(&self.scene.remote());
        self.edit();
        let kind = self.kinds[usize::try_from(chance.below(self.kinds.len() as u64)).unwrap()];
        let bytes = 1 + chance.below(self.whole);
        println!("version {}: {kind} after {bytes} bytes", self.version);
        let ended = self.run(kind, bytes).await;
        // What lives on may still be at it, but each file is whole at any time.
        self.check(&before);
        self.quiet();
        let (here, there) = (tree(&self.scene.local()), self.check(&before));
        let partly = there.iter().any(|(name, bytes)| here.get(name) == Some(bytes));
        !ended.status.success() && partly && here != there
    }

    /// Each file that is there is the one of before, or one that came after it, and whole.
    fn check(&self, before: &BTreeMap<String, Vec<u8>>) -> BTreeMap<String, Vec<u8>> {
        let mut there = tree(&self.scene.remote());
        there.retain(|name, _| !is_temporary(name));
        for (name, bytes) in &there {
            let version = version_of(name, bytes);
            let old = before.get(name).map_or(1, |bytes| version_of(name, bytes));
            assert!((old..=self.version).contains(&version), "{name} is of version {version}, was {old}");
        }
        let here = self.scene.local();
        let lost =
            before.keys().find(|name| !is_temporary(name) && here.join(name).exists() && !there.contains_key(*name));
        assert_eq!(lost, None, "it is here and was there");
        there
    }
}

async fn moments(ssh: bool, count: u64) {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_micros();
    let seed = asked("REMORA_SEED").unwrap_or_else(|| u64::try_from(now).unwrap());
    println!("{count} moments from seed {seed}");
    let (mut chance, mut story) = (Chance(seed), Story::new(ssh));
    story.edit();
    story.finish(false).await;
    // The usual upload is not the first one.
    story.edit();
    story.finish(false).await;
    story.whole = fs::read_to_string(story.cutter.join("passed")).unwrap().parse().unwrap();
    let mut cut_short = 0;
    for moment in 0..count {
        let partly = story.cut(&mut chance).await;
        cut_short += u64::from(partly);
        // Often it is the next start that is cut short, too.
        if moment % 3 == 2 || moment + 1 == count {
            story.finish(partly).await;
        }
    }
    println!("{cut_short} of {count} were cut short in the middle");
}

#[tokio::test]
async fn an_upload_that_is_killed_leaves_each_file_old_or_new() {
    moments(false, asked("REMORA_MOMENTS").unwrap_or(16)).await;
}

#[tokio::test]
async fn an_upload_over_ssh_that_is_killed_leaves_each_file_old_or_new() {
    moments(true, asked("REMORA_MOMENTS").unwrap_or(16) / 2).await;
}
