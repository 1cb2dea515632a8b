//! Who is let in, and what is asked for it.

use std::path::Path;
use std::process::Command;

use remora_testkit::sshd::{Account, Sshd, SshdOptions};
use remora_transport::{Question, TransportError};
use tokio::io::AsyncReadExt as _;

use crate::asker::{Asker, open, run, secret};

fn throwaway() -> Account {
    Account::Throwaway { shell: "/bin/sh".to_owned() }
}

/// A server that lets nobody in by key.
fn with_password() -> Sshd {
    let server_lines = vec!["PubkeyAuthentication no".to_owned()];
    Sshd::start(SshdOptions { account: throwaway(), password: true, server_lines, ..SshdOptions::default() })
}

async fn first_word(sshd: &Sshd, asker: &std::sync::Arc<Asker>) -> String {
    let mut pipe = open(&sshd.ssh_config(), asker, "id -un").await.unwrap();
    let mut text = String::new();
    pipe.reader.read_to_string(&mut text).await.unwrap();
    text.trim().to_owned()
}

#[tokio::test]
async fn a_key_lets_in_without_a_question() {
    let sshd = Sshd::start(SshdOptions::default());
    assert_eq!(run(&sshd.ssh_config(), "cat; echo there", b"here and ").await, "here and there\n");
}

#[tokio::test]
async fn a_wrong_password_is_asked_for_three_times() {
    let sshd = with_password();
    let asker = Asker::new([secret("one"), secret("two"), secret("three"), secret("four")]);
    match open(&sshd.ssh_config(), &asker, "true").await {
        Err(TransportError::AuthFailed { user, host, tried, offered, .. }) => {
            assert_eq!((user.as_str(), host.as_str()), (sshd.user(), "box"));
            assert_eq!((tried, offered), (vec!["password".to_owned()], vec!["password".to_owned()]));
        }
        other => panic!("{other:?}"),
    }
    let password = |attempt| Question::Password { user: sshd.user().to_owned(), host: "box".to_owned(), attempt };
    assert_eq!(asker.asked(), [1, 2, 3].map(password));
}

#[tokio::test]
async fn the_right_password_lets_in_at_the_second_try() {
    let sshd = with_password();
    let asker = Asker::new([secret("wrong"), secret(sshd.password())]);
    assert_eq!(first_word(&sshd, &asker).await, sshd.user());
    assert_eq!(asker.asked().len(), 2);
}

#[tokio::test]
async fn no_answer_ends_the_attempt() {
    let sshd = with_password();
    let failure = open(&sshd.ssh_config(), &Asker::silent(), "true").await;
    assert!(matches!(failure, Err(TransportError::Cancelled)), "{failure:?}");
}

#[tokio::test]
async fn the_servers_own_questions_are_passed_on() {
    let server_lines = vec!["PubkeyAuthentication no".to_owned()];
    let options = SshdOptions { account: throwaway(), keyboard_interactive: true, server_lines, ..Default::default() };
    let sshd = Sshd::start(options);
    let asker = Asker::new([secret("wrong"), secret(sshd.password())]);
    assert_eq!(first_word(&sshd, &asker).await, sshd.user());
    let [Question::KeyboardInteractive { user, prompt, echo, .. }, _] = &asker.asked()[..] else {
        panic!("{:?}", asker.asked())
    };
    assert_eq!(user, sshd.user());
    assert!(prompt.contains("assword") && !echo, "{prompt}");
}

#[tokio::test]
async fn a_login_without_any_credential_works() {
    let account = Account::Open { shell: "/bin/sh".to_owned() };
    let server_lines = vec!["PermitEmptyPasswords yes".to_owned()];
    let sshd = Sshd::start(SshdOptions { account, password: true, server_lines, ..SshdOptions::default() });
    std::fs::remove_file(sshd.key()).unwrap();
    let asker = Asker::silent();
    assert_eq!(first_word(&sshd, &asker).await, sshd.user());
    assert!(asker.asked().is_empty());
}

#[tokio::test]
async fn a_key_and_a_password_may_both_be_wanted() {
    let server_lines = vec!["AuthenticationMethods publickey,password".to_owned()];
    let options = SshdOptions { account: throwaway(), password: true, server_lines, ..SshdOptions::default() };
    let sshd = Sshd::start(options);
    let asker = Asker::new([secret(sshd.password())]);
    assert_eq!(first_word(&sshd, &asker).await, sshd.user());
    assert_eq!(asker.asked().len(), 1);
}

#[tokio::test]
async fn a_passphrase_is_asked_for_until_it_is_right() {
    let sshd = Sshd::start(SshdOptions { passphrase: "open sesame", ..SshdOptions::default() });
    let asker = Asker::new([secret("wrong"), secret("open sesame")]);
    assert_eq!(first_word(&sshd, &asker).await, sshd.user());
    let passphrase = |attempt| Question::Passphrase { key: sshd.key(), attempt };
    assert_eq!(asker.asked(), [1, 2].map(passphrase));
}

#[tokio::test]
async fn three_wrong_passphrases_are_enough() {
    let sshd = Sshd::start(SshdOptions { passphrase: "open sesame", ..SshdOptions::default() });
    let asker = Asker::new(["a", "b", "c", "d"].map(secret));
    match open(&sshd.ssh_config(), &asker, "true").await {
        Err(TransportError::AuthFailed { tried, notes, .. }) => {
            assert_eq!(tried, [format!("key {}", sshd.key().display())]);
            assert_eq!(notes, [format!("{}: the passphrase is wrong", sshd.key().display())]);
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(asker.asked().len(), 3);
}

#[tokio::test]
async fn a_key_that_the_server_does_not_want_is_not_asked_about() {
    let sshd = Sshd::start(SshdOptions { passphrase: "open sesame", ..SshdOptions::default() });
    std::fs::write(sshd.folder().join("authorized_keys"), "").unwrap();
    let asker = Asker::silent();
    match open(&sshd.ssh_config(), &asker, "true").await {
        Err(TransportError::AuthFailed { .. }) => assert!(asker.asked().is_empty(), "{:?}", asker.asked()),
        other => panic!("{other:?}"),
    }
}

/// Makes the login's key anew and lets it in.
fn replace_key(sshd: &Sshd, options: &[&str]) {
    let (key, public) = (sshd.key(), sshd.key().with_extension("pub"));
    std::fs::remove_file(&key).unwrap();
    let mut keygen = Command::new("ssh-keygen");
    assert!(keygen.arg("-q").args(options).arg("-f").arg(&key).status().unwrap().success(), "{keygen:?}");
    std::fs::copy(&public, sshd.folder().join("authorized_keys")).unwrap();
    // Without the public half, it has to be found in the private one.
    std::fs::remove_file(public).unwrap();
}

#[tokio::test]
async fn keys_of_every_kind_let_in() {
    let sshd = Sshd::start(SshdOptions::default());
    for (options, passphrase) in [
        (&["-t", "rsa", "-N", ""][..], None),
        (&["-t", "ecdsa", "-N", ""], None),
        (&["-t", "ecdsa", "-b", "521", "-N", ""], None),
        (&["-t", "ed25519", "-N", "secret"], Some("secret")),
        (&["-t", "rsa", "-N", "secret"], Some("secret")),
        (&["-t", "rsa", "-m", "PEM", "-N", ""], None),
        (&["-t", "rsa", "-m", "PEM", "-N", "secret"], Some("secret")),
        (&["-t", "rsa", "-m", "PKCS8", "-N", "secret"], Some("secret")),
        (&["-t", "ecdsa", "-m", "PEM", "-N", ""], None),
    ] {
        replace_key(&sshd, options);
        let asker = Asker::new(passphrase.map(secret));
        match open(&sshd.ssh_config(), &asker, "true").await {
            Ok(_) => assert_eq!(asker.asked().len(), usize::from(passphrase.is_some()), "{options:?}"),
            Err(error) => panic!("{options:?}: {error:?}"),
        }
    }
}

/// An `ssh-agent` of its own, ended by its process id.
struct Agent {
    process: std::process::Child,
    socket: std::path::PathBuf,
}

impl Agent {
    fn start(folder: &Path) -> Self {
        let socket = folder.join("agent.sock");
        let mut agent = Command::new("ssh-agent");
        agent.args(["-D", "-a"]).arg(&socket).stdout(std::process::Stdio::piped());
        let mut process = agent.spawn().unwrap();
        // It prints its variables once it listens.
        let mut line = String::new();
        std::io::BufRead::read_line(&mut std::io::BufReader::new(process.stdout.take().unwrap()), &mut line).unwrap();
        Self { process, socket }
    }

    fn add(&self, key: &Path) {
        let mut add = Command::new("ssh-add");
        assert!(add.arg("-q").arg(key).env("SSH_AUTH_SOCK", &self.socket).status().unwrap().success());
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[tokio::test]
async fn an_agent_lets_in_with_a_key_whose_file_holds_only_the_public_half() {
    let folder = tempfile::tempdir().unwrap();
    let agent = Agent::start(folder.path());
    let client_lines = vec![format!("IdentityAgent {}", agent.socket.display())];
    let sshd = Sshd::start(SshdOptions { client_lines, ..SshdOptions::default() });
    agent.add(&sshd.key());
    std::fs::remove_file(sshd.key()).unwrap();
    assert_eq!(run(&sshd.ssh_config(), "echo in", b"").await, "in\n");
}

#[tokio::test]
async fn identities_only_keeps_the_agents_other_keys_back() {
    let folder = tempfile::tempdir().unwrap();
    let agent = Agent::start(folder.path());
    let client_lines =
        vec![format!("IdentityAgent {}", agent.socket.display()), "IdentityFile /no/such/key".to_owned()];
    let sshd = Sshd::start(SshdOptions { client_lines, ..SshdOptions::default() });
    agent.add(&sshd.key());
    for file in [sshd.key(), sshd.key().with_extension("pub")] {
        std::fs::remove_file(file).unwrap();
    }
    match open(&sshd.ssh_config(), &Asker::silent(), "true").await {
        Err(TransportError::AuthFailed { tried, .. }) => assert!(tried.is_empty(), "{tried:?}"),
        other => panic!("{other:?}"),
    }
    // Without the restriction the same key is offered.
    let text = std::fs::read_to_string(sshd.ssh_config()).unwrap().replace("IdentitiesOnly yes", "IdentitiesOnly no");
    std::fs::write(sshd.ssh_config(), text).unwrap();
    assert_eq!(run(&sshd.ssh_config(), "echo in", b"").await, "in\n");
}

#[tokio::test]
async fn an_agent_that_is_not_there_is_noted_and_passed_over() {
    let client_lines = vec!["IdentityAgent /no/such/agent".to_owned()];
    let sshd = Sshd::start(SshdOptions { client_lines, ..SshdOptions::default() });
    assert_eq!(run(&sshd.ssh_config(), "echo in", b"").await, "in\n");
    std::fs::remove_file(sshd.key()).unwrap();
    match open(&sshd.ssh_config(), &Asker::silent(), "true").await {
        Err(TransportError::AuthFailed { notes, .. }) => assert!(notes[0].contains("agent"), "{notes:?}"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_agent_with_many_keys_offers_the_configured_one_first_and_else_the_end_of_the_servers_patience_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let agent = Agent::start(folder.path());
    let client_lines = vec![format!("IdentityAgent {}", agent.socket.display()), "IdentitiesOnly no".to_owned()];
    let sshd = Sshd::start(SshdOptions { client_lines, ..SshdOptions::default() });
    let text = std::fs::read_to_string(sshd.ssh_config()).unwrap().replace("IdentitiesOnly yes", "IdentitiesOnly no");
    std::fs::write(sshd.ssh_config(), text).unwrap();
    for number in 0..8 {
        let key = folder.path().join(format!("other{number}"));
        let mut keygen = Command::new("ssh-keygen");
        assert!(keygen.args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&key).status().unwrap().success());
        agent.add(&key);
    }
    agent.add(&sshd.key());
    assert_eq!(run(&sshd.ssh_config(), "echo in", b"").await, "in\n");
    for file in [sshd.key(), sshd.key().with_extension("pub")] {
        std::fs::remove_file(file).unwrap();
    }
    match open(&sshd.ssh_config(), &Asker::silent(), "true").await {
        Err(TransportError::AuthFailed { notes, .. }) => {
            assert!(notes.len() == 1 && notes[0].contains("hung up after"), "{notes:?}")
        }
        other => panic!("{other:?}"),
    }
}
