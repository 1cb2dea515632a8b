//! Owns the proof that the agent starts behind whatever a login puts in front of it, or says why not.

use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Stdio;

use remora_agent::{BootError, Link, PipeEnds, boot_command};
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use remora_testkit::python::{all, find};

use crate::rig::{Rig, open, scratch, shell, start};

/// The command as sshd hands it to a login shell.
fn through_login_shell() -> String {
    format!("exec sh -c '{}'", boot_command())
}

async fn check_login_shell(program: &str, start_up_file: &str) {
    let scratch = scratch();
    let home = scratch.path().join("home");
    let file = home.join(start_up_file);
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    // Only the login shell shall print, not every script that an interpreter's shim runs.
    let once = if program == "bash" { "unset BASH_ENV\n" } else { "" };
    std::fs::write(&file, format!("{once}echo 'Welcome to this machine!'\n")).unwrap();
    let mut command = Command::new(program);
    command.arg("-c").arg(through_login_shell()).env("HOME", &home);
    if program == "bash" {
        command.env("BASH_ENV", &file);
    }
    command.env_remove("XDG_CONFIG_HOME");
    let (link, mut child) = open(&mut command, true).await;
    let link = link.unwrap_or_else(|error| panic!("{program}: {error}"));
    link.close().await;
    assert!(child.wait().await.unwrap().success(), "{program}");
}

#[tokio::test]
async fn it_starts_through_every_login_shell_although_its_start_up_file_prints() {
    let shells = [
        ("bash", ".profile"),
        ("dash", ".profile"),
        ("tcsh", ".tcshrc"),
        ("fish", ".config/fish/config.fish"),
        ("zsh", ".zshenv"),
    ];
    for (program, start_up_file) in shells {
        let there = std::process::Command::new(program).args(["-c", "true"]).status().is_ok();
        assert!(there, "no {program} here; `apt-get install {program}` installs it");
        check_login_shell(program, start_up_file).await;
    }
}

#[tokio::test]
async fn it_starts_behind_a_long_banner_and_a_prompt_without_a_newline() {
    let rig = Rig::start_with(|command, _| {
        let banner = "head -c 300000 /dev/zero | tr \"\\0\" \"remora-agent:\"; printf \"$ \"; exec sh -c \"$0\"";
        *command = {
            let mut banner_first = Command::new("sh");
            banner_first.arg("-c").arg(banner).arg(boot_command());
            banner_first
        };
    })
    .await;
    rig.end().await;
}

#[tokio::test]
async fn it_starts_through_the_standard_input_of_a_shell_that_reads_ahead() {
    for program in ["dash", "bash", "sh"] {
        let (mut child, reader, mut writer) = start(&mut Command::new(program));
        writer.write_all(format!("{}\n", through_login_shell()).as_bytes()).await.unwrap();
        let link = Link::open(PipeEnds { reader, writer, rides: false }).await.unwrap();
        link.close().await;
        assert!(child.wait().await.unwrap().success(), "{program}");
    }
}

#[tokio::test]
async fn a_project_whose_modules_are_named_like_the_standard_librarys_is_not_imported() {
    let rig = Rig::start_with(|command, scratch| {
        for name in ["json", "zlib", "socket", "types", "tempfile", "selectors", "ctypes"] {
            std::fs::write(scratch.join(format!("{name}.py")), "raise SystemExit(3)\n").unwrap();
        }
        command.current_dir(scratch);
    })
    .await;
    crate::live::check_everything_once(&rig.link, rig.scratch()).await;
    rig.end().await;
}

/// `PATH` is one folder with these interpreters in it.
fn only(scratch: &Path, interpreters: &[(&str, &Path)]) -> Command {
    let bin = scratch.join("bin");
    std::fs::create_dir(&bin).unwrap();
    for (name, target) in interpreters {
        symlink(target, bin.join(name)).unwrap();
    }
    let mut command = shell(scratch);
    command.env("PATH", bin).stderr(Stdio::inherit());
    command
}

#[tokio::test]
async fn every_interpreter_from_3_6_on_runs_it() {
    for (version, python) in all().into_iter().filter(|(version, _)| *version != "2.7") {
        let scratch = scratch();
        let mut command = only(scratch.path(), &[("python3", &python)]);
        let (link, mut child) = open(&mut command, true).await;
        let link = link.unwrap_or_else(|error| panic!("{version}: {error}"));
        let (major, minor, _) = link.hello().python;
        assert_eq!(format!("{major}.{minor}"), version);
        crate::live::check_everything_once(&link, scratch.path()).await;
        crate::rebuild::check_once(&link, scratch.path()).await;
        link.close().await;
        assert!(child.wait().await.unwrap().success(), "{version}");
    }
}

#[tokio::test]
async fn without_python_the_error_says_so() {
    let scratch = scratch();
    let (link, mut child) = open(&mut only(scratch.path(), &[]), true).await;
    assert!(matches!(link.err(), Some(BootError::NoPython)));
    child.wait().await.unwrap();
}

#[tokio::test]
async fn with_nothing_but_old_python_the_error_names_it() {
    let python = find("2.7");
    let scratch = scratch();
    let (link, mut child) = open(&mut only(scratch.path(), &[("python", &python), ("python2.7", &python)]), true).await;
    let Some(BootError::PythonTooOld { found }) = link.err() else { panic!("another error was expected") };
    assert!(found.starts_with("2.7."), "{found}");
    child.wait().await.unwrap();
}

#[tokio::test]
async fn an_old_python_in_front_does_not_hide_a_new_one() {
    let (old, new) = (find("2.7"), find("3.11"));
    let scratch = scratch();
    let mut command = only(scratch.path(), &[("python3", &old), ("python3.11", &new)]);
    let (link, mut child) = open(&mut command, true).await;
    link.unwrap().close().await;
    child.wait().await.unwrap();
}

#[tokio::test]
async fn a_shell_that_ends_is_reported_with_what_it_said() {
    let mut command = Command::new("sh");
    command.args(["-c", "echo This account is currently not available.; exit 1"]);
    let (link, mut child) = open(&mut command, true).await;
    let Some(BootError::Ended { noise }) = link.err() else { panic!("another error was expected") };
    assert_eq!(noise, "This account is currently not available.");
    child.wait().await.unwrap();
}
