//! Owns the proof that what is moved is what was said and nothing else, and that Python's own files go with a module.

use std::os::unix::fs::{MetadataExt as _, symlink};
use std::path::Path;

use remora_agent::{AgentError, Change, ChangeKind, Expect, Inventory, OpErrorKind, TrashLimits};
use remora_model::{Digest, Mode};

use crate::files::{TIME, names};
use crate::rig::{OneByOne as _, Rig, kind, rel};

async fn move_file(rig: &Rig, (from, to): (&str, &str), content: &[u8]) -> Result<bool, AgentError> {
    let digest = Digest::of(content);
    let kind = ChangeKind::Move { from: rel(from), digest, mode: Mode(0o640), mtime: TIME };
    rig.link.one(&rig.root, &rel(to), kind).await
}

/// Moves a folder in which these files are said to be, in order, and the folders above them.
async fn move_dir(rig: &Rig, (from, to): (&str, &str), files: &[(&str, &[u8])]) -> Result<bool, AgentError> {
    let mut inventory = Inventory::default();
    for (name, content) in files {
        match *content {
            [] => inventory.dir(name.as_bytes()),
            content if content.starts_with(b"->") => inventory.link(name.as_bytes(), &Digest::of(&content[2..])),
            content => inventory.file(name.as_bytes(), &Digest::of(content)),
        }
    }
    let kind = ChangeKind::MoveDir { from: rel(from), inventory: inventory.finish() };
    rig.link.one(&rig.root, &rel(to), kind).await
}

fn put(rig: &Rig, name: &str, content: &str) {
    let place = rig.at(name);
    std::fs::create_dir_all(place.parent().unwrap()).unwrap();
    std::fs::write(place, content).unwrap();
}

fn is_there(place: &Path) -> bool {
    place.symlink_metadata().is_ok()
}

#[tokio::test]
async fn a_file_is_moved_with_its_mode_and_time_and_over_nothing() {
    let rig = Rig::start().await;
    let trash = TrashLimits { seconds: 3600, bytes: 1 << 20, entries: 10 };
    let (kept, told) = (rig.link.clone(), rig.root.clone());
    let keeping = tokio::spawn(async move { kept.keep_trash(&told, trash).await });
    put(&rig, "a", "text");
    put(&rig, "there", "foreign");
    assert!(move_file(&rig, ("a", "new/dir/b"), b"text").await.unwrap());
    let meta = std::fs::metadata(rig.at("new/dir/b")).unwrap();
    let time = i128::from(meta.mtime()) * 1_000_000_000 + i128::from(meta.mtime_nsec());
    assert_eq!((meta.mode() & 0o7777, time), (0o640, i128::from(TIME.0)));
    assert!(!is_there(&rig.at("a")));
    let diverged = OpErrorKind::Diverged;
    assert_eq!(kind(move_file(&rig, ("new/dir/b", "there"), b"text").await), diverged);
    assert_eq!(kind(move_file(&rig, ("new/dir/b", "c"), b"other").await), diverged);
    assert_eq!(kind(move_file(&rig, ("a", "c"), b"text").await), OpErrorKind::NotFound);
    assert_eq!(std::fs::read(rig.at("there")).unwrap(), b"foreign");
    assert_eq!(std::fs::read(rig.at("new/dir/b")).unwrap(), b"text");
    symlink("new", rig.at("link")).unwrap();
    assert_eq!(kind(move_file(&rig, ("link/dir/b", "c"), b"text").await), OpErrorKind::OutsideRoot);
    assert_eq!(kind(move_file(&rig, ("new/dir/b", "link/c"), b"text").await), OpErrorKind::OutsideRoot);
    assert!(move_file(&rig, ("link", "moved link"), b"new").await.unwrap());
    assert_eq!(std::fs::read_link(rig.at("moved link")).unwrap(), Path::new("new"));
    assert_eq!(rig.link.list_trash(&rig.root).await.unwrap(), [], "a move is no removal");
    keeping.abort();
    rig.end().await;
}

#[tokio::test]
async fn a_folder_is_moved_only_when_it_holds_what_is_said_and_nothing_else() {
    let rig = Rig::start().await;
    let files: &[(&str, &[u8])] =
        &[("a.py", b"1"), ("l", b"->a.py"), ("sub", b""), ("sub-x", b"3"), ("sub/b.py", b"2")];
    put(&rig, "old/a.py", "1");
    put(&rig, "old/sub/b.py", "2");
    put(&rig, "old/sub-x", "3");
    symlink("a.py", rig.at("old/l")).unwrap();
    put(&rig, "old/__pycache__/a.cpython-312.opt-1.pyc", "compiled");
    let diverged = OpErrorKind::Diverged;
    // Somebody else's, changed, missing, compiled of a module that is not there, a folder, a link for a folder.
    for foreign in ["old/new", "old/sub/b.py/", "old/l/", "old/__pycache__/c.cpython-312.pyc", "old/sub/d/"] {
        let place = rig.at(foreign.trim_end_matches('/'));
        let before = std::fs::read(&place).ok();
        if before.is_some() || foreign == "old/l/" {
            std::fs::remove_file(&place).unwrap();
            std::fs::write(&place, "theirs").unwrap();
        } else if foreign.ends_with('/') {
            std::fs::create_dir(&place).unwrap();
        } else {
            std::fs::write(&place, "theirs").unwrap();
        }
        assert_eq!(kind(move_dir(&rig, ("old", "new"), files).await), diverged, "{foreign}");
        assert!(is_there(&place) && !is_there(&rig.at("new")), "{foreign}");
        let _ = std::fs::remove_file(&place).or_else(|_| std::fs::remove_dir(&place));
        match foreign {
            "old/l/" => symlink("a.py", place).unwrap(),
            "old/sub/b.py/" => std::fs::write(place, "2").unwrap(),
            _ => {}
        }
    }
    put(&rig, "taken/x", "theirs");
    assert_eq!(kind(move_dir(&rig, ("old", "taken"), files).await), diverged);
    assert!(move_dir(&rig, ("old", "deep/new"), files).await.unwrap());
    assert_eq!(names(&rig.at("deep/new")), ["__pycache__", "a.py", "l", "sub", "sub-x"]);
    assert_eq!(std::fs::read(rig.at("deep/new/sub/b.py")).unwrap(), b"2");
    assert!(!is_there(&rig.at("old")));
    rig.end().await;
}

#[tokio::test]
async fn what_follows_in_a_pack_finds_what_was_moved_under_its_new_name() {
    let rig = Rig::start().await;
    put(&rig, "old/sub/a", "1");
    let mut inventory = Inventory::default();
    inventory.dir(b"sub");
    inventory.file(b"sub/a", &Digest::of(b"1"));
    let text = |text: &[u8]| ChangeKind::Symlink { text: text.to_vec(), expect: Expect::Absent };
    let changes = [
        ("new", ChangeKind::MoveDir { from: rel("old"), inventory: inventory.finish() }),
        ("new/sub/a", ChangeKind::Meta { mode: Mode(0o600), mtime: TIME, expect: Expect::Content(Digest::of(b"1")) }),
        ("beside", text(b"x")),
    ];
    let changes = changes.map(|(name, kind)| Change { path: rel(name), kind });
    let done = rig.link.apply(&rig.root, &changes).await.unwrap();
    // The second was prepared before the first was put in place, and found nothing yet.
    assert!(done[0].is_ok() && done[1].is_err() && done[2].is_ok(), "{done:?}");
    assert_eq!(std::fs::read(rig.at("new/sub/a")).unwrap(), b"1");
    rig.link.write(&rig.root, crate::files::spec("old/sub/b", b"2", Expect::Absent), b"2".to_vec()).await.unwrap();
    assert_eq!((names(&rig.at("new/sub")), names(&rig.at("old/sub"))), (vec!["a".into()], vec!["b".into()]));
    rig.end().await;
}

#[tokio::test]
async fn what_python_compiled_of_a_module_goes_with_it_and_nothing_else_does() {
    let rig = Rig::start().await;
    let any = Expect::Any;
    for name in ["mod.py", "mod_x.py", "moved.py"] {
        put(&rig, &format!("pkg/{name}"), "1");
    }
    let stale =
        ["mod.cpython-39.pyc", "mod.cpython-312.opt-2.pyc", "mod.pypy310.pyc", "mod.cpython-311-pytest-7.4.0.pyc"];
    let stays = ["mod_x.cpython-39.pyc", "mod.x.cpython-39.pyc", "mod.cpython-39.pyc.123", "mod.txt", "notes"];
    for name in stale.iter().chain(&stays).chain(&["moved.cpython-39.pyc"]) {
        put(&rig, &format!("pkg/__pycache__/{name}"), "compiled");
    }
    rig.link.remove(&rig.root, &rel("pkg/mod.py"), any).await.unwrap();
    move_file(&rig, ("pkg/moved.py", "elsewhere.py"), b"1").await.unwrap();
    let mut left = stays.map(String::from);
    left.sort();
    assert_eq!(names(&rig.at("pkg/__pycache__")), left);
    // A folder in which only that is left goes; one with anything else stays.
    rig.link.remove(&rig.root, &rel("pkg/mod_x.py"), any).await.unwrap();
    assert_eq!(kind(rig.link.remove(&rig.root, &rel("pkg"), any).await), OpErrorKind::InTheWay);
    assert!(is_there(&rig.at("pkg/__pycache__/mod.cpython-39.pyc.123")));
    for name in ["mod.txt", "notes"] {
        std::fs::remove_file(rig.at(&format!("pkg/__pycache__/{name}"))).unwrap();
    }
    symlink("nowhere", rig.at("pkg/__pycache__/x.cpython-39.pyc")).unwrap();
    assert_eq!(kind(rig.link.remove(&rig.root, &rel("pkg"), any).await), OpErrorKind::InTheWay);
    std::fs::remove_file(rig.at("pkg/__pycache__/x.cpython-39.pyc")).unwrap();
    assert!(rig.link.remove(&rig.root, &rel("pkg"), any).await.unwrap());
    assert!(!is_there(&rig.at("pkg")));
    // What a dead agent left keeps no folder, and what a living one writes does.
    let dead = {
        let mut gone = std::process::Command::new("true").spawn().unwrap();
        gone.wait().unwrap();
        gone.id()
    };
    for (id, goes) in [(dead, true), (std::process::id(), false)] {
        put(&rig, &format!("left/.remora-{id}-0a.tmp"), "");
        let temp = std::fs::File::options().write(true).open(rig.at(&format!("left/.remora-{id}-0a.tmp"))).unwrap();
        temp.set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
        assert_eq!(rig.link.remove(&rig.root, &rel("left"), any).await.is_ok(), goes);
    }
    // A folder of the last module of which something was compiled has no cache any more.
    put(&rig, "one/m.py", "1");
    put(&rig, "one/__pycache__/m.cpython-39.pyc", "compiled");
    rig.link.remove(&rig.root, &rel("one/m.py"), any).await.unwrap();
    assert_eq!(names(&rig.at("one")), [""; 0]);
    rig.end().await;
}
