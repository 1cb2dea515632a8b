//! Owns the only thread that touches libssh2: handshake, host key, login and the start of the command
//! one after the other, each with a time limit; then it serves the channel and never blocks again.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ssh2::{Channel, Error, ErrorCode, Session};
use tokio::sync::oneshot;

use super::alive::{ALIVE_INTERVAL, Alive};
use super::dial::{CONNECT_TIMEOUT, Stream};
use super::options::Options;
use super::pump::{self, Pump};
use super::shared::Shared;
use super::{auth, cipher, host_key};
use crate::child::Hold;
use crate::shell::exec_line;
use crate::{Ask, Complaints, Phase, TransportError};

/// The thread's name, as debuggers and `/proc` show it.
pub(super) const THREAD: &str = "remora-ssh";

/// How long one step of the login may take: sshd's own `LoginGraceTime`, because the server may be
/// waiting for a confirmation on a telephone.
const LOGIN_TIMEOUT: Duration = Duration::from_secs(120);

/// How long the server may take to start the command: a login with a slow home directory included.
const START_TIMEOUT: Duration = Duration::from_secs(30);

/// libssh2's codes that are told apart; from `libssh2.h`.
pub(super) mod code {
    pub(in crate::ssh) const TIMEOUT: i32 = -9;
    pub(in crate::ssh) const SOCKET_DISCONNECT: i32 = -13;
    pub(in crate::ssh) const SOCKET_SEND: i32 = -7;
    pub(in crate::ssh) const SOCKET_RECV: i32 = -43;
    pub(in crate::ssh) const PASSWORD_EXPIRED: i32 = -15;
    pub(in crate::ssh) const AUTHENTICATION_FAILED: i32 = -18;
}

/// The number that libssh2 gives an error.
pub(super) fn code_of(error: &Error) -> i32 {
    match error.code() {
        ErrorCode::Session(code) | ErrorCode::SFTP(code) => code,
    }
}

/// What the thread is started with.
pub(super) struct Job {
    pub(super) stream: Stream,
    pub(super) options: Options,
    pub(super) ask: Arc<dyn Ask>,
    pub(super) command: String,
    pub(super) shared: Arc<Shared>,
    pub(super) complaints: Complaints,
    /// Told once, when the command runs or why it does not.
    pub(super) tell: oneshot::Sender<Result<(), TransportError>>,
    /// Keeps the proxy alive for as long as the thread is.
    pub(super) proxy: Option<Hold>,
}

/// The thread's body.
pub(super) fn run(job: Job) {
    let Job { stream, options, ask, command, shared, complaints, tell, proxy } = job;
    let (session, channel) = match open(&stream, &options, ask.as_ref(), &command) {
        Ok(opened) => opened,
        Err(error) => {
            stream.shutdown();
            let _ = tell.send(Err(error));
            return;
        }
    };
    session.set_blocking(false);
    let interval = options.alive_interval.unwrap_or(ALIVE_INTERVAL);
    let pump = Pump {
        session,
        channel,
        stream,
        shared: &shared,
        complaints,
        host: options.alias,
        alive: Alive::new(interval, options.alive_count, Instant::now()),
    };
    // Nobody is there any more: the halves of the pipe will never exist, so nothing would end it.
    if tell.send(Ok(())).is_err() {
        pump.stream.shutdown();
        return;
    }
    pump::run(pump);
    drop(proxy);
}

fn open(
    stream: &Stream,
    options: &Options,
    ask: &dyn Ask,
    command: &str,
) -> Result<(Session, Channel), TransportError> {
    let session = handshake(stream, options)?;
    host_key::check(&session, options, ask)?;
    session.set_timeout(millis(LOGIN_TIMEOUT));
    auth::log_in(&session, options, ask)?;
    session.set_timeout(millis(START_TIMEOUT));
    let start = |error: &Error| failed(error, options, Phase::Start, START_TIMEOUT);
    let mut channel = session.channel_session().map_err(|error| start(&error))?;
    channel.exec(&exec_line(command)).map_err(|error| start(&error))?;
    Ok((session, channel))
}

fn handshake(stream: &Stream, options: &Options) -> Result<Session, TransportError> {
    let limit = options.connect_timeout.unwrap_or(CONNECT_TIMEOUT);
    let no_ssh = |reason| TransportError::Handshake { host: options.alias.clone(), port: options.port, reason };
    let mut session = Session::new().map_err(|error| no_ssh(error.message().to_owned()))?;
    session.set_tcp_stream(stream.try_clone().map_err(|error| no_ssh(error.to_string()))?);
    session.set_timeout(millis(limit));
    host_key::prefer_known(&session, options)?;
    cipher::prefer(&session, options).map_err(no_ssh)?;
    session.handshake().map_err(|error| match code_of(&error) {
        code::TIMEOUT => failed(&error, options, Phase::Handshake, limit),
        _ => no_ssh(error.message().to_owned()),
    })?;
    Ok(session)
}

/// Sorts a failure of libssh2 behind the handshake.
pub(super) fn failed(error: &Error, options: &Options, phase: Phase, after: Duration) -> TransportError {
    let (host, reason) = (options.alias.clone(), error.message().to_owned());
    match code_of(error) {
        code::TIMEOUT => TransportError::TimedOut { host, port: options.port, after, phase },
        code::SOCKET_DISCONNECT | code::SOCKET_SEND | code::SOCKET_RECV => TransportError::Closed { host, reason },
        _ => TransportError::Other { what: format!("{phase} on {host}"), reason },
    }
}

/// As [`failed`], for the login.
pub(super) fn login_failed(error: &Error, options: &Options) -> TransportError {
    failed(error, options, Phase::Login, LOGIN_TIMEOUT)
}

fn millis(duration: Duration) -> u32 {
    u32::try_from(duration.as_millis()).unwrap_or(u32::MAX)
}
