//! Owns the way to an agent of another account over there: `sudo` starts one behind the login's own, and all that belongs to a
//! run as that account is then its own. Keeps no password; the sudo of that machine decides who may do what.

mod sudo;

use std::sync::Arc;

use remora_agent::{Exit, Link, PipeEnds, ProcessEvent, ProcessEvents, RunSpec, SpawnSpec, StreamWriter, boot_command};
use remora_debug::{Request, Session, SessionEvent};
use remora_model::RemotePath;
use remora_transport::{Answer, Ask, Question};
use tokio::io::{AsyncWriteExt as _, DuplexStream};
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;

use crate::fault::{self, Fault, SudoRefusal};
use sudo::{PROMPT, Words};

/// What sudo runs: it says a word, and goes on when it hears one. Whatever runs as the account, its own start-up files too, begins when
/// nobody answers prompts any more: else it could ask for the login's password.
const FIRST: &str = "echo remora-behind && read -r go && exec sh -c \"$1\"";

/// What is on its way between the two agents; the outer one bounds the rest.
const UNDER_WAY: usize = 64 * 1024;

/// Starts a program as `account`, by an agent that ends with its session.
///
/// # Errors
/// Why sudo does not let it, that the account may not read the project, or what a start meets.
pub(crate) async fn start(
    link: &Link,
    account: &str,
    ask: Arc<dyn Ask>,
    (mut request, said): (Request, mpsc::UnboundedSender<SessionEvent>),
) -> Result<Session, Fault> {
    let link = agent_of(link, account, ask).await?;
    request.other_account = true;
    let started = match may_read(&link, account, &request.remote_root).await {
        Ok(()) => remora_debug::start(&link, request, said).await.map_err(Fault::from),
        Err(fault) => Err(fault),
    };
    if started.is_err() {
        link.close().await;
    }
    started
}

/// Whether sudo lets the login run something as `account` without a password, as far as it says so without being given one.
///
/// # Errors
/// Why it does not let it, whatever the password.
pub(crate) async fn needs_no_password(link: &Link, account: &str) -> Result<bool, Fault> {
    let argv = ["sudo", "-n", "-H", "-u", account, "--", "sh", "-c", "true"].map(String::from).into();
    let output = link.run(RunSpec { argv, cwd: Some(top()), ..RunSpec::default() }).await;
    let output = output.map_err(|error| fault::no_sudo(account, &error))?;
    let mut words = Words::default();
    words.add(&output.stderr);
    match words.refusal() {
        _ if output.exit == Exit::Code(0) => Ok(true),
        (SudoRefusal::Password, _) => Ok(false),
        refusal => Err(fault::sudo_refused((&link.hello().user, &link.hello().host), account, &refusal)),
    }
}

/// A link to an agent that runs as `account`; when it ends, that agent ends all it started, and itself.
async fn agent_of(link: &Link, account: &str, ask: Arc<dyn Ask>) -> Result<Link, Fault> {
    let argv = ["sudo", "-S", "-p", PROMPT, "-H", "-u", account, "--", "sh", "-c", FIRST, "sh", boot_command()];
    let spec = SpawnSpec { argv: argv.map(String::from).into(), cwd: Some(top()), ..SpawnSpec::default() };
    let process = link.spawn(spec).await.map_err(|error| fault::no_sudo(account, &error))?;
    let (_, mut writer, mut events) = process.into_parts();
    let asking = Asking { link, account, ask };
    asking.until_it_runs(&mut events, &mut writer).await?;
    // An end that comes now is told by the agent that does not start.
    let _ = writer.write_all(b"go\n").await;
    let (near, reader) = tokio::io::duplex(UNDER_WAY);
    tokio::spawn(carry(events, near));
    // The shell reads on where the agent's source is to come.
    let ends = PipeEnds { reader, writer, rides: false };
    Link::open(ends).await.map_err(|error| fault::no_agent_of(account, &error))
}

/// Everybody may be there; the home of the login, or of the account, may be shut or missing.
fn top() -> RemotePath {
    RemotePath::new("/").expect("invariant: it is absolute")
}

async fn may_read(link: &Link, account: &str, root: &RemotePath) -> Result<(), Fault> {
    let look = ["sh", "-c", "cd -- \"$1\" && test -r .", "sh", &root.to_string()].map(String::from).into();
    let looked = link.run(RunSpec { argv: look, cwd: Some(top()), ..RunSpec::default() }).await;
    let looked = looked.map_err(|error| fault::account_lost(account, &error))?;
    if looked.exit == Exit::Code(0) { Ok(()) } else { Err(fault::account_may_not_read(account, root)) }
}

/// A sudo that has not run anything yet.
struct Asking<'a> {
    link: &'a Link,
    account: &'a str,
    ask: Arc<dyn Ask>,
}

impl Asking<'_> {
    /// Answers what sudo asks until it runs what it is to run.
    async fn until_it_runs(&self, events: &mut ProcessEvents, writer: &mut StreamWriter) -> Result<(), Fault> {
        let (mut words, mut attempt) = (Words::default(), 0);
        loop {
            match events.next().await.map_err(|error| fault::account_lost(self.account, &error))? {
                ProcessEvent::Stdout(_) => return Ok(()),
                ProcessEvent::Stderr(said) => {
                    if words.add(&said) {
                        attempt += 1;
                        let password = self.password(attempt).await?;
                        // Nobody reads it if sudo has ended, which the next event tells.
                        let _ = writer.write_all(format!("{password}\n").as_bytes()).await;
                    }
                }
                ProcessEvent::Exited(_) => {
                    let hello = self.link.hello();
                    return Err(fault::sudo_refused((&hello.user, &hello.host), self.account, &words.refusal()));
                }
            }
        }
    }

    async fn password(&self, attempt: u8) -> Result<String, Fault> {
        let hello = self.link.hello();
        let (user, host, account) = (hello.user.clone(), hello.host.clone(), self.account.to_owned());
        let (ask, question) = (Arc::clone(&self.ask), Question::Sudo { user, host, account, attempt });
        // Whoever asks waits for the person.
        match spawn_blocking(move || ask.ask(question)).await {
            Ok(Some(Answer::Secret(secret))) => Ok(secret.reveal().to_owned()),
            _ => Err(fault::sudo_declined(self.account)),
        }
    }
}

/// Carries what the agent behind sudo says, until it ends or nobody hears it.
async fn carry(mut events: ProcessEvents, mut near: DuplexStream) {
    loop {
        match events.next().await {
            Ok(ProcessEvent::Stdout(said)) => {
                if near.write_all(&said).await.is_err() {
                    return;
                }
            }
            Ok(ProcessEvent::Stderr(words)) => {
                tracing::warn!(words = %String::from_utf8_lossy(&words), "behind sudo");
            }
            Ok(ProcessEvent::Exited(_)) | Err(_) => return,
        }
    }
}
