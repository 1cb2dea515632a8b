//! Owns the two ways to the program that is stepped through. Never takes a time.

use std::path::Path;
use std::time::Duration;

use remora_testkit::command::User;
use remora_tests::bench::client::Client;
use remora_tests::bench::editor::{Sides, remora};
use remora_tests::bench::program::{BREAKPOINT, Place, ssh};
use serde_json::Value;
use tokio::net::TcpStream;

use crate::editor::steps;

/// `remora debug`, and a client on its port.
pub(crate) async fn by_remora(place: &Place, ssh_config: &Path) -> Vec<Duration> {
    let user = User::new(remora());
    let Sides { local_root, remote_root } = place.sides();
    let mut args = ["debug", "--json", "--host", "box"].map(str::to_owned).to_vec();
    for (option, path) in [("--ssh-config", ssh_config), ("--root", &local_root), ("--remote-root", &remote_root)] {
        args.extend([option.to_owned(), path.display().to_string()]);
    }
    args.push("order.py".to_owned());
    let mut running = user.start(args);
    let listening = running.event("listening").await;
    let port = listening["port"].as_u64().and_then(|port| u16::try_from(port).ok()).expect("a port");
    let times = timed(place, port, &listening["configuration"]).await;
    running.event("exited").await;
    times
}

/// `ssh -L` and the same debugger.
pub(crate) async fn by_hand(place: &Place, ssh_config: &Path) -> Vec<Duration> {
    let started = place.by_hand(ssh(ssh_config)).await;
    let times = timed(place, started.port, &place.attach()).await;
    started.ended().await;
    times
}

async fn timed(place: &Place, port: u16, configuration: &Value) -> Vec<Duration> {
    let stream = TcpStream::connect(("127.0.0.1", port)).await.expect("it listens");
    stream.set_nodelay(true).expect("a connection can be told so");
    let client = Client::begin(stream, configuration, &place.file(), BREAKPOINT).await.expect("the debugger answers");
    steps(client, &place.file()).await.expect("every step is answered")
}
