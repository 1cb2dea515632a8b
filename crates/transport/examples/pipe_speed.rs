//! Measures the `ssh` transport against `ssh` itself, both on a private server on loopback, and prints
//! what it found: bytes a second down and up, and the round trip of a small message. With the word
//! `far`, only what a round trip of 50 ms makes of connecting and of a small message.

use std::error::Error;
use std::io::{self, Read as _, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use remora_model::{SshSpec, TransportSpec};
use remora_testkit::lag::Lag;
use remora_testkit::sshd::{Sshd, SshdOptions};
use remora_transport::{Answer, Ask, Pipe, Question, TransportError, connect};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

const BYTES: u64 = 512 << 20;
const PINGS: u32 = 2000;
const FAR_PINGS: u32 = 50;
const CHUNK: usize = 64 * 1024;

struct Nobody;

impl Ask for Nobody {
    fn ask(&self, _question: Question) -> Option<Answer> {
        None
    }
}

type Outcome = Result<(), Box<dyn Error>>;

#[tokio::main]
async fn main() -> Outcome {
    if std::env::args().nth(1).as_deref() == Some("far") {
        return far_away().await;
    }
    let down = format!("dd if=/dev/zero bs=65536 count={} status=none", BYTES / 65536);
    let up = "wc -c";
    for cipher in ["", "Ciphers aes128-gcm@openssh.com", "Ciphers aes256-ctr"] {
        let server_lines = if cipher.is_empty() { Vec::new() } else { vec![cipher.to_owned()] };
        let sshd = Sshd::start(SshdOptions { server_lines, ..SshdOptions::default() });
        let config = sshd.ssh_config();
        say(&format!("-- {}", if cipher.is_empty() { "default cipher" } else { cipher }))?;
        say(&format!("remora  down {}", rate(read_all(open(&config, &down).await?).await?)))?;
        say(&format!("ssh     down {}", rate(ssh_read_all(ssh(&config, &down)?)?)))?;
        say(&format!("remora  up   {}", rate(write_all(open(&config, up).await?).await?)))?;
        say(&format!("ssh     up   {}", rate(ssh_write_all(ssh(&config, up)?)?)))?;
        say(&format!("remora  ping {}", micros(ping(open(&config, "cat").await?, PINGS).await?)))?;
        say(&format!("ssh     ping {}", micros(ssh_ping(ssh(&config, "cat")?, PINGS)?)))?;
    }
    Ok(())
}

/// The same behind a cable with a round trip of 50 ms.
async fn far_away() -> Outcome {
    let sshd = Sshd::start(SshdOptions::default());
    let lag = Lag::start(([127, 0, 0, 1], sshd.port()).into(), Duration::from_millis(50))?;
    let config = sshd.ssh_config_via(lag.port());
    say("-- round trip 50 ms")?;
    let start = Instant::now();
    let pipe = open(&config, "cat").await?;
    say(&format!("remora  connect {} ms", start.elapsed().as_millis()))?;
    say(&format!("remora  ping {}", micros(ping(pipe, FAR_PINGS).await?)))?;
    let start = Instant::now();
    let mut child = ssh(&config, "true")?;
    child.wait()?;
    say(&format!("ssh     connect and leave {} ms", start.elapsed().as_millis()))?;
    say(&format!("ssh     ping {}", micros(ssh_ping(ssh(&config, "cat")?, FAR_PINGS)?)))?;
    Ok(())
}

fn say(line: &str) -> io::Result<()> {
    writeln!(io::stdout(), "{line}")
}

fn rate(took: Duration) -> String {
    format!("{:.0} MB/s", BYTES as f64 / 1e6 / took.as_secs_f64())
}

fn micros(mut times: Vec<Duration>) -> String {
    times.sort();
    let at = |share: usize| times[times.len() * share / 100].as_micros();
    format!("median {} us, p99 {} us", at(50), at(99))
}

async fn open(config: &Path, command: &str) -> Result<Pipe, TransportError> {
    let config = Some(config.to_string_lossy().into_owned());
    let spec = TransportSpec::Ssh(SshSpec { host: "box".to_owned(), config, ..SshSpec::default() });
    connect(&spec, Arc::new(Nobody), command).await
}

fn ssh(config: &Path, command: &str) -> io::Result<Child> {
    let mut ssh = Command::new("ssh");
    ssh.arg("-T").arg("-F").arg(config).args(["box", command]);
    ssh.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()
}

async fn read_all(mut pipe: Pipe) -> io::Result<Duration> {
    let mut buffer = vec![0; CHUNK];
    pipe.reader.read_exact(&mut buffer[..1]).await?;
    let start = Instant::now();
    while pipe.reader.read(&mut buffer).await? > 0 {}
    Ok(start.elapsed())
}

fn ssh_read_all(mut child: Child) -> io::Result<Duration> {
    let mut stdout = child.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
    let mut buffer = vec![0; CHUNK];
    stdout.read_exact(&mut buffer[..1])?;
    let start = Instant::now();
    while stdout.read(&mut buffer)? > 0 {}
    child.wait()?;
    Ok(start.elapsed())
}

async fn write_all(mut pipe: Pipe) -> io::Result<Duration> {
    let buffer = vec![0; CHUNK];
    let start = Instant::now();
    for _ in 0..BYTES / CHUNK as u64 {
        pipe.writer.write_all(&buffer).await?;
    }
    pipe.writer.shutdown().await?;
    pipe.reader.read_to_end(&mut Vec::new()).await?;
    Ok(start.elapsed())
}

fn ssh_write_all(mut child: Child) -> io::Result<Duration> {
    let mut stdin = child.stdin.take().ok_or(io::ErrorKind::BrokenPipe)?;
    let buffer = vec![0; CHUNK];
    let start = Instant::now();
    for _ in 0..BYTES / CHUNK as u64 {
        stdin.write_all(&buffer)?;
    }
    drop(stdin);
    child.wait_with_output()?;
    Ok(start.elapsed())
}

async fn ping(mut pipe: Pipe, count: u32) -> io::Result<Vec<Duration>> {
    let mut times = Vec::new();
    for _ in 0..count {
        let start = Instant::now();
        pipe.writer.write_all(&[0; 64]).await?;
        pipe.reader.read_exact(&mut [0; 64]).await?;
        times.push(start.elapsed());
    }
    Ok(times)
}

fn ssh_ping(mut child: Child, count: u32) -> io::Result<Vec<Duration>> {
    let mut stdin = child.stdin.take().ok_or(io::ErrorKind::BrokenPipe)?;
    let mut stdout = child.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
    let mut times = Vec::new();
    for _ in 0..count {
        let start = Instant::now();
        stdin.write_all(&[0; 64])?;
        stdout.read_exact(&mut [0; 64])?;
        times.push(start.elapsed());
    }
    drop(stdin);
    child.wait()?;
    Ok(times)
}
