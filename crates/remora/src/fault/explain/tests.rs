//! The table of sentences, on a real folder.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

use remora_mirror::{MirrorError, explain_path};
use remora_model::{LocalPath, Policy, Symlinks};
use tempfile::TempDir;

use super::*;
use crate::folders::Folder;

/// A folder with something of every kind.
fn folder() -> (TempDir, PathBuf) {
    let dir = TempDir::new().unwrap();
    let top = dir.path().canonicalize().unwrap();
    let root = top.join("app");
    for (name, text) in [
        (".git/config", ""),
        ("../.gitignore", "*.tmp\n"),
        (".gitignore", "*.bak\n# all logs\n*.log\n\nbuild/\n*.log \n!keep.log\n"),
        (".remoraignore", "/big\n"),
        ("src/.gitignore", "\u{feff}*.dat\n"),
        ("orders.py", ""),
        ("keep.log", ""),
        ("a.log", ""),
        ("src/x.dat", ""),
        ("build/deep/x.o", ""),
        ("build/deep/x.so", ""),
        ("build/x", ""),
        (".venv/bin/python", ""),
        ("tools/env/pyvenv.cfg", ""),
        ("node_modules/x/y.js", ""),
        ("big", ""),
        ("data.csv", ""),
        ("x.tmp", ""),
        ("real/x.py", ""),
    ] {
        let place = root.join(name);
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        fs::write(place, text).unwrap();
    }
    symlink(&top, root.join("out")).unwrap();
    symlink("real", root.join("alias")).unwrap();
    symlink("orders.py", root.join("link.py")).unwrap();
    let _ = std::os::unix::net::UnixListener::bind(root.join("socket")).unwrap();
    (dir, root)
}

fn question(root: &std::path::Path, name: &str) -> Question {
    Question {
        folder: Folder::workspace(&LocalPath::new(root).unwrap()),
        policy: Policy {
            exclude: vec!["*.csv".into()],
            include: vec!["build/deep/*.so".into(), "*.keep".into()],
            ..Policy::default()
        },
        file: root.join(name),
        remote_root: Some("/srv/app".into()),
        mirror: None,
        paused: false,
    }
}

fn ask(question: &Question) -> Explained {
    explained(&explain_path(&question.folder.local, &question.policy, &question.file).unwrap(), question)
}

#[test]
fn every_rule_is_named() {
    let (_dir, root) = folder();
    let above = root.parent().unwrap().display();
    for (name, mirrored, sentence) in [
        ("orders.py", true, "orders.py is mirrored to /srv/app/orders.py."),
        ("src", true, "src is mirrored to /srv/app/src."),
        ("a.log", false, r#"a.log is not mirrored: line 6 of .gitignore, "*.log", leaves it out."#),
        (
            "keep.log",
            true,
            r#"keep.log is mirrored to /srv/app/keep.log: line 7 of .gitignore, "!keep.log", takes it in."#,
        ),
        ("src/x.dat", false, r#"src/x.dat is not mirrored: line 1 of src/.gitignore, "*.dat", leaves it out."#),
        (
            "build",
            true,
            r#"build is mirrored to /srv/app/build: the setting remora.mirror.include, "build/deep/*.so", takes in something below it."#,
        ),
        (
            "build/deep/x.so",
            true,
            r#"build/deep/x.so is mirrored to /srv/app/build/deep/x.so: the setting remora.mirror.include, "build/deep/*.so", takes it in."#,
        ),
        ("build/x", false, r#"build/x is not mirrored: line 5 of .gitignore, "build/", leaves build/ out."#),
        (
            "build/deep/x.o",
            false,
            r#"build/deep/x.o is not mirrored: line 5 of .gitignore, "build/", leaves build/ out."#,
        ),
        ("big", false, r#"big is not mirrored: line 1 of .remoraignore, "/big", leaves it out."#),
        ("data.csv", false, r#"data.csv is not mirrored: the setting remora.mirror.exclude, "*.csv", leaves it out."#),
        (
            ".venv/bin/python",
            false,
            ".venv/bin/python is not mirrored: Remora leaves out virtual environments (.venv/); \
             write !.venv/ into .remoraignore to have it.",
        ),
        (
            "tools/env/pyvenv.cfg",
            false,
            "tools/env/pyvenv.cfg is not mirrored: Remora leaves out virtual environments (tools/env/); \
             write !tools/env/ into .remoraignore to have it.",
        ),
        (
            "node_modules/x/y.js",
            false,
            "node_modules/x/y.js is not mirrored: Remora leaves out node_modules/; \
             write !node_modules/ into .remoraignore to have it.",
        ),
        ("alias", true, "alias is mirrored to /srv/app/alias as the symbolic link that it is."),
        ("link.py", true, "link.py is mirrored to /srv/app/link.py as the symbolic link that it is."),
        ("alias/x.py", true, "real/x.py is mirrored to /srv/app/real/x.py."),
        (
            "out/x",
            false,
            "out/x is not mirrored: out is a symbolic link, which is mirrored as a link and not followed.",
        ),
        ("socket", false, "socket is not mirrored: it is a socket, a pipe or a device."),
        ("none.py", false, "none.py is not mirrored: there is no such file here."),
        (".remora-1-0.tmp", false, ".remora-1-0.tmp is not mirrored: it is a temporary file of Remora's own."),
    ] {
        let said = ask(&question(&root, name));
        assert_eq!((said.mirrored, said.sentence.as_str()), (mirrored, sentence));
    }
    let said = ask(&question(&root, "../elsewhere.py"));
    let file = root.join("../elsewhere.py");
    assert_eq!(
        said.sentence,
        format!("{} is not mirrored: it is not in the folder {}.", file.display(), root.display())
    );
    assert_eq!(
        ask(&question(&root, "")).sentence,
        format!("{} is the folder that is mirrored, to /srv/app.", root.display())
    );
    fs::rename(root.join(".git"), root.parent().unwrap().join(".git")).unwrap();
    let said = ask(&question(&root, "x.tmp")).sentence;
    assert_eq!(said, format!(r#"x.tmp is not mirrored: line 1 of {above}/.gitignore, "*.tmp", leaves it out."#));
}

#[test]
fn a_link_is_explained_by_the_policy_for_links() {
    let (_dir, root) = folder();
    symlink("nowhere", root.join("broken")).unwrap();
    let sentence = |symlinks, name| {
        let mut asked = question(&root, name);
        asked.policy.symlinks = symlinks;
        let said = ask(&asked);
        (said.mirrored, said.sentence)
    };
    for (symlinks, name, mirrored, words) in [
        (Symlinks::Follow, "link.py", true, "link.py is mirrored to /srv/app/link.py."),
        (
            Symlinks::Follow,
            "out/x",
            false,
            "out/x is not mirrored: out is a symbolic link, which leads to a folder that it is in, without an end.",
        ),
        (
            Symlinks::Follow,
            "broken",
            false,
            "broken is not mirrored: broken is a symbolic link, which leads nowhere; what was mirrored of it stays there.",
        ),
        (
            Symlinks::Skip,
            "link.py",
            false,
            "link.py is not mirrored: link.py is a symbolic link, which the setting remora.mirror.symlinks, \"skip\", leaves out.",
        ),
    ] {
        assert_eq!(sentence(symlinks, name), (mirrored, words.to_owned()));
    }
}

#[test]
fn what_the_mirror_at_work_knows_is_said_too() {
    let (_dir, root) = folder();
    let path = |name: &str| RelPath::new(name).unwrap();
    let mut asked = question(&root, "orders.py");
    let sentence = |asked: &Question| ask(asked).sentence;
    asked.remote_root = None;
    assert_eq!(sentence(&asked), "orders.py is mirrored.");
    let mut large = question(&root, "large.bin");
    fs::File::create(root.join("large.bin")).unwrap().set_len(2_000_000_000).unwrap();
    let sentence_of_large = |asked: &Question, end: &str| {
        let said = ask(asked);
        let start =
            "large.bin is not mirrored: it has 2.0 GB, more than the 100 MB of remora.mirror.maxFileMegabytes, and";
        assert_eq!((said.mirrored, said.sentence), (false, format!("{start} {end}.")));
    };
    sentence_of_large(&large, "is sent when you say so, with --large-too or in the editor");
    let waits = remora_mirror::Status { large: vec![(path("large.bin"), 2)], ..remora_mirror::Status::default() };
    large.mirror = Some(waits);
    sentence_of_large(&large, "waits for your word");
    large.mirror =
        Some(remora_mirror::Status { declined: vec![path("large.bin")], ..remora_mirror::Status::default() });
    sentence_of_large(&large, "you said to leave it out");
    large.mirror = Some(remora_mirror::Status::default());
    assert!(ask(&large).mirrored, "it was sent");
    asked.paused = true;
    assert_eq!(sentence(&asked), "orders.py is mirrored; mirroring is paused.");
    asked.mirror = Some(remora_mirror::Status { waiting: vec![path("orders.py")], ..Default::default() });
    assert_eq!(sentence(&asked), "orders.py is mirrored; its last change is not there yet; mirroring is paused.");
    asked.paused = false;
    assert_eq!(sentence(&asked), "orders.py is mirrored; its last change is not there yet.");
    let mirror = asked.mirror.as_mut().unwrap();
    mirror.failed = vec![(path("orders.py"), MirrorError::Permission { path: path("orders.py") })];
    assert_eq!(
        sentence(&asked),
        "orders.py is mirrored; its last upload failed and is tried again: \
         Can't write orders.py on the remote: permission denied."
    );
    asked.mirror.as_mut().unwrap().diverged = vec![path("orders.py")];
    assert_eq!(
        sentence(&asked),
        "orders.py is mirrored; somebody else changed it on the remote, and it is left alone until you choose."
    );
}
