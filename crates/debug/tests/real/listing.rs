//! All that could run a program: real interpreters, real virtual environments, and folders that look like conda's.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use remora_debug::interpreter::{EnvironmentKind, Listed, list};
use remora_model::RemotePath;
use remora_testkit::python;

use crate::bed::{Bed, PATIENCE, processes};

fn home(bed: &Bed) -> PathBuf {
    bed.there().with_file_name("home")
}

async fn listed(bed: &Bed) -> Vec<Listed> {
    let root = RemotePath::new(bed.there().display().to_string()).unwrap();
    tokio::time::timeout(PATIENCE, list(&bed.link, &root)).await.unwrap().unwrap()
}

fn make_venv(version: &str, at: &Path) {
    let status = Command::new(python::find(version)).args(["-m", "venv", "--without-pip"]).arg(at).status().unwrap();
    assert!(status.success(), "{}", at.display());
}

/// As conda's are: a folder `conda-meta`. That it is a virtual one too gives it a prefix of its own.
fn make_conda(version: &str, at: &Path) {
    make_venv(version, at);
    fs::create_dir(at.join("conda-meta")).unwrap();
}

fn make_program(file: &Path, body: &str) {
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(file, format!("#!/bin/sh\n{body}\n")).unwrap();
    fs::set_permissions(file, fs::Permissions::from_mode(0o755)).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn environments_come_before_interpreters_and_each_comes_once() {
    let bed = Bed::new().await;
    let (there, home) = (bed.there(), home(&bed));
    make_venv("3.12", &there.join(".venv"));
    std::os::unix::fs::symlink(".venv", there.join("current")).unwrap();
    make_venv("3.8", &there.join("tools"));
    make_conda("3.10", &home.join("miniconda3"));
    fs::create_dir(home.join("miniconda3/condabin")).unwrap();
    make_conda("3.11", &home.join("miniconda3/envs/ml"));
    make_conda("3.9", &home.join("noted"));
    fs::create_dir(home.join(".conda")).unwrap();
    let noted = ["noted", "gone", "miniconda3/envs/ml"].map(|name| home.join(name).display().to_string());
    fs::write(home.join(".conda/environments.txt"), noted.join("\n")).unwrap();
    make_venv("3.7", &home.join(".virtualenvs/there-Ab12"));
    make_venv("3.13", &home.join(".virtualenvs/else-Ab12"));

    let listed = listed(&bed).await;
    let own: Vec<String> = listed
        .iter()
        .filter(|one| one.kind != EnvironmentKind::Pyenv && one.kind != EnvironmentKind::System)
        .filter(|one| one.path.starts_with(&home.with_file_name("").display().to_string()))
        .map(|one| format!("{:?} {} {}.{}", one.kind, one.label, one.version.0, one.version.1))
        .collect();
    assert_eq!(
        own,
        [
            "Venv .venv 3.12",
            "Venv tools 3.8",
            "Venv there-Ab12 3.7",
            "Conda ml 3.11",
            "Conda base 3.10",
            "Conda noted 3.9",
            "Venv else-Ab12 3.13",
        ],
        "{listed:#?}"
    );
    assert_eq!(listed[0].path, there.join(".venv/bin/python").display().to_string(), "the link is not resolved");
    let place = |wanted: &str| listed.iter().position(|one| one.label == wanted);
    let system = listed.iter().position(|one| one.kind == EnvironmentKind::System);
    assert!(place("noted") < system && system < place("else-Ab12"), "{listed:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_interpreter_of_this_machine_is_there_and_once() {
    let bed = Bed::new().await;
    let listed = listed(&bed).await;
    let real = |path: &Path| fs::canonicalize(path).unwrap();
    let mut times: BTreeMap<PathBuf, usize> = BTreeMap::new();
    for one in listed.iter().filter(|one| one.kind != EnvironmentKind::Venv) {
        *times.entry(real(Path::new(&one.path))).or_default() += 1;
    }
    for (version, path) in python::all() {
        assert_eq!(times.get(&real(&path)), Some(&1), "{version}: {listed:#?}");
        let found = listed.iter().find(|one| real(Path::new(&one.path)) == real(&path)).unwrap();
        let (major, minor, _) = found.version;
        assert_eq!(format!("{major}.{minor}"), version);
        let of_pyenv = path.components().any(|part| part.as_os_str() == "versions");
        assert_eq!(found.kind == EnvironmentKind::Pyenv, of_pyenv, "{found:?}");
    }
    assert!(times.values().all(|&times| times == 1), "{listed:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_persons_own_login_finds_is_found() {
    let bed = Bed::new().await;
    let home = home(&bed);
    make_venv("3.11", &home.join("hidden"));
    // One of them is read, whatever the login's shell is.
    for profile in [".profile", ".bash_profile", ".zprofile", ".cshrc"] {
        let line = if profile == ".cshrc" { "set path = (~/hidden/bin $path)" } else { "PATH=~/hidden/bin:$PATH" };
        fs::write(home.join(profile), format!("echo welcome\n{line}\n")).unwrap();
    }
    let listed = listed(&bed).await;
    let found = listed.iter().find(|one| one.label == "hidden").unwrap_or_else(|| panic!("{listed:#?}"));
    assert_eq!((found.kind, &found.path), (EnvironmentKind::Venv, &format!("{}/hidden/bin/python", home.display())));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_answer_is_left_out_and_ended() {
    let bed = Bed::new().await;
    let there = bed.there();
    make_program(&there.join("venv/bin/python"), "exit 3");
    make_program(&there.join("env/bin/python"), "echo Python 3.99.0");
    let mark = format!("600.{}", std::process::id());
    make_program(&there.join(".venv/bin/python"), &format!("/bin/sleep {mark} & wait"));
    let listed = listed(&bed).await;
    assert!(listed.iter().all(|one| !one.path.starts_with(&there.display().to_string())), "{listed:#?}");
    let runs = |pid: u32| fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| line.ends_with(mark.as_bytes()));
    while processes().any(runs) {
        tokio::task::yield_now().await;
    }
    assert_eq!(bed.census(), Vec::<String>::new());
}
