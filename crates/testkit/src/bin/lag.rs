//! A lag proxy for benches in shell: prints `{"port":N}` on a line and runs until it is killed.

use std::io::{self, Write as _};
use std::net::ToSocketAddrs as _;
use std::process::ExitCode;
use std::time::Duration;

use remora_testkit::lag::Lag;

fn main() -> ExitCode {
    match start() {
        Ok(_lag) => loop {
            std::thread::park();
        },
        Err(error) => {
            eprintln!("remora-lag: {error}\nusage: remora-lag --upstream HOST:PORT --rtt-ms N [--bytes-per-second N]");
            ExitCode::FAILURE
        }
    }
}

fn start() -> io::Result<Lag> {
    let wrong = |text: &str| io::Error::other(text.to_owned());
    let (mut upstream, mut round_trip, mut rate) = (None, Duration::ZERO, None);
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let value = words.next().ok_or_else(|| wrong("a value is missing"))?;
        let number = || value.parse::<u64>().map_err(|_| wrong("not a number"));
        match word.as_str() {
            "--upstream" => upstream = value.to_socket_addrs()?.next(),
            "--rtt-ms" => round_trip = Duration::from_millis(number()?),
            "--bytes-per-second" => rate = Some(number()?),
            _ => return Err(wrong("an unknown option")),
        }
    }
    let lag = Lag::start_with_rate(upstream.ok_or_else(|| wrong("--upstream is missing"))?, round_trip, rate)?;
    let mut stdout = io::stdout();
    writeln!(stdout, "{{\"port\":{}}}", lag.port())?;
    stdout.flush()?;
    Ok(lag)
}
