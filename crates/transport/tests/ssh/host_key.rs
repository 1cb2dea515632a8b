//! Whether the server is the right one: nothing is sent to one that is not.

use std::fs;
use std::path::Path;
use std::process::Command;

use remora_testkit::sshd::{Sshd, SshdOptions};
use remora_transport::{Answer, Question, TransportError};

use crate::asker::{Asker, open, run};

fn unknown() -> SshdOptions {
    SshdOptions { known: false, ..SshdOptions::default() }
}

fn trust(remember: bool) -> Option<Answer> {
    Some(Answer::Trust { remember })
}

/// What OpenSSH's own client says of the same server with the same files.
fn openssh_agrees(config: &Path) -> bool {
    let mut ssh = Command::new("ssh");
    ssh.arg("-F").arg(config).args(["-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes", "box", "true"]);
    ssh.output().unwrap().status.success()
}

#[tokio::test]
async fn an_unknown_key_is_asked_about_once_and_remembered() {
    let sshd = Sshd::start(unknown());
    let asker = Asker::new([trust(true)]);
    open(&sshd.ssh_config(), &asker, "true").await.unwrap();
    let [Question::HostKey { host, port, algorithm, fingerprint }] = &asker.asked()[..] else {
        panic!("{:?}", asker.asked())
    };
    assert_eq!((host.as_str(), *port, algorithm.as_str()), ("box", sshd.port(), "ssh-ed25519"));
    let keygen = Command::new("ssh-keygen").arg("-lf").arg(sshd.folder().join("host_ed25519.pub")).output().unwrap();
    let printed = String::from_utf8(keygen.stdout).unwrap();
    assert_eq!(printed.split(' ').nth(1), Some(fingerprint.as_str()));
    assert_eq!(run(&sshd.ssh_config(), "echo again", b"").await, "again\n");
    assert!(openssh_agrees(&sshd.ssh_config()));
}

#[tokio::test]
async fn a_hashed_record_is_written_and_read() {
    let sshd = Sshd::start(SshdOptions { client_lines: vec!["HashKnownHosts yes".to_owned()], ..unknown() });
    open(&sshd.ssh_config(), &Asker::new([trust(true)]), "true").await.unwrap();
    assert!(fs::read_to_string(sshd.known_hosts()).unwrap().starts_with("|1|"));
    assert!(openssh_agrees(&sshd.ssh_config()));
    assert_eq!(run(&sshd.ssh_config(), "echo again", b"").await, "again\n");
}

#[tokio::test]
async fn a_key_trusted_once_is_asked_about_again() {
    let sshd = Sshd::start(unknown());
    for _ in 0..2 {
        let asker = Asker::new([trust(false)]);
        open(&sshd.ssh_config(), &asker, "true").await.unwrap();
        assert_eq!(asker.asked().len(), 1);
    }
    assert!(!sshd.known_hosts().exists());
}

#[tokio::test]
async fn a_key_that_is_not_trusted_gets_no_credential() {
    let sshd = Sshd::start(unknown());
    let failure = open(&sshd.ssh_config(), &Asker::silent(), "true").await;
    assert!(matches!(failure, Err(TransportError::HostKeyDeclined { .. })), "{failure:?}");
    assert_no_login(&sshd);
}

/// The server's log has a connection and no login.
fn assert_no_login(sshd: &Sshd) {
    let log = sshd.log();
    assert!(log.contains("Connection from"), "{log}");
    let login = ["Accepted", "Failed", "Postponed", "authenticating user"];
    assert!(!login.iter().any(|word| log.contains(word)), "{log}");
}

#[tokio::test]
async fn a_changed_key_is_refused_with_its_place_before_any_login() {
    let mut sshd = Sshd::start(SshdOptions::default());
    let known = format!("# a comment\n{}", fs::read_to_string(sshd.known_hosts()).unwrap());
    fs::write(sshd.known_hosts(), known).unwrap();
    sshd.replace_host_keys();
    let asker = Asker::silent();
    match open(&sshd.ssh_config(), &asker, "true").await {
        Err(TransportError::HostKeyChanged { host, port, file, line, fingerprint, .. }) => {
            assert_eq!((host.as_str(), port, line), ("box", sshd.port(), 2));
            assert_eq!(file, sshd.known_hosts());
            assert!(fingerprint.starts_with("SHA256:"), "{fingerprint}");
        }
        other => panic!("{other:?}"),
    }
    assert!(asker.asked().is_empty());
    assert_no_login(&sshd);
    assert!(!openssh_agrees(&sshd.ssh_config()));
}

#[tokio::test]
async fn a_changed_key_is_refused_whatever_the_configuration_says() {
    for word in ["no", "accept-new", "yes"] {
        let client_lines = vec![format!("StrictHostKeyChecking {word}")];
        let mut sshd = Sshd::start(SshdOptions { client_lines, ..SshdOptions::default() });
        sshd.replace_host_keys();
        let failure = open(&sshd.ssh_config(), &Asker::silent(), "true").await;
        assert!(matches!(failure, Err(TransportError::HostKeyChanged { .. })), "{word}: {failure:?}");
    }
}

#[tokio::test]
async fn strict_checking_decides_about_unknown_keys() {
    for (word, accepted) in [("yes", false), ("accept-new", true), ("no", true)] {
        let client_lines = vec![format!("StrictHostKeyChecking {word}")];
        let sshd = Sshd::start(SshdOptions { client_lines, ..unknown() });
        let asker = Asker::silent();
        let outcome = open(&sshd.ssh_config(), &asker, "true").await;
        assert!(asker.asked().is_empty(), "{word}");
        assert_eq!(sshd.known_hosts().exists(), accepted, "{word}");
        match outcome {
            Ok(_) => assert!(accepted, "{word}"),
            Err(TransportError::HostKeyUnknown { .. }) => assert!(!accepted, "{word}"),
            Err(error) => panic!("{word}: {error:?}"),
        }
    }
}

#[tokio::test]
async fn a_revoked_key_is_refused() {
    let sshd = Sshd::start(SshdOptions::default());
    let mut known = fs::read_to_string(sshd.known_hosts()).unwrap();
    known.push_str(&format!("@revoked * {}\n", sshd.host_keys()[0]));
    fs::write(sshd.known_hosts(), known).unwrap();
    match open(&sshd.ssh_config(), &Asker::silent(), "true").await {
        Err(TransportError::HostKeyRevoked { line: 2, file, .. }) => assert_eq!(file, sshd.known_hosts()),
        other => panic!("{other:?}"),
    }
    assert_no_login(&sshd);
}

#[tokio::test]
async fn wildcards_and_hashes_of_ssh_keygen_are_understood() {
    let sshd = Sshd::start(unknown());
    let key = sshd.host_keys().remove(0);
    fs::write(sshd.known_hosts(), format!("[127.0.*]:{} {key}\n", sshd.port())).unwrap();
    assert_eq!(run(&sshd.ssh_config(), "echo wildcard", b"").await, "wildcard\n");
    sshd.learn(sshd.port());
    let known = fs::read_to_string(sshd.known_hosts()).unwrap();
    fs::write(sshd.known_hosts(), known.lines().nth(1).unwrap().to_owned() + "\n").unwrap();
    let hash = Command::new("ssh-keygen").args(["-q", "-H", "-f"]).arg(sshd.known_hosts()).output().unwrap();
    assert!(hash.status.success());
    assert!(fs::read_to_string(sshd.known_hosts()).unwrap().starts_with("|1|"));
    assert_eq!(run(&sshd.ssh_config(), "echo hashed", b"").await, "hashed\n");
}

#[tokio::test]
async fn a_good_host_does_not_look_changed_because_it_has_several_keys() {
    for kind in ["rsa", "ecdsa", "ed25519"] {
        let sshd = Sshd::start(SshdOptions { host_keys: vec!["rsa", "ecdsa", "ed25519"], ..unknown() });
        let public = fs::read_to_string(sshd.folder().join(format!("host_{kind}.pub"))).unwrap();
        fs::write(sshd.known_hosts(), format!("[127.0.0.1]:{} {public}", sshd.port())).unwrap();
        assert_eq!(run(&sshd.ssh_config(), "echo known", b"").await, "known\n", "{kind}");
    }
}

#[tokio::test]
async fn a_record_without_the_port_is_good_for_another_port() {
    let sshd = Sshd::start(unknown());
    fs::write(sshd.known_hosts(), format!("127.0.0.1 {}\n", sshd.host_keys()[0])).unwrap();
    assert_eq!(run(&sshd.ssh_config(), "echo known", b"").await, "known\n");
    assert!(openssh_agrees(&sshd.ssh_config()));
    let other = Sshd::start(unknown());
    fs::write(sshd.known_hosts(), format!("127.0.0.1 {}\n", other.host_keys()[0])).unwrap();
    let failure = open(&sshd.ssh_config(), &Asker::silent(), "true").await;
    assert!(matches!(failure, Err(TransportError::HostKeyDeclined { .. })), "{failure:?}");
}

#[tokio::test]
async fn a_key_may_be_remembered_nowhere() {
    let client_lines = vec!["UserKnownHostsFile /dev/null".to_owned()];
    let sshd = Sshd::start(SshdOptions { client_lines, ..unknown() });
    open(&sshd.ssh_config(), &Asker::new([trust(true)]), "true").await.unwrap();
}

#[tokio::test]
async fn a_host_key_alias_is_the_name_on_record() {
    let sshd = Sshd::start(SshdOptions { client_lines: vec!["HostKeyAlias Build-Box".to_owned()], ..unknown() });
    open(&sshd.ssh_config(), &Asker::new([trust(true)]), "true").await.unwrap();
    assert!(fs::read_to_string(sshd.known_hosts()).unwrap().starts_with("build-box ssh-ed25519 "));
    assert!(openssh_agrees(&sshd.ssh_config()));
    assert_eq!(run(&sshd.ssh_config(), "echo again", b"").await, "again\n");
}
