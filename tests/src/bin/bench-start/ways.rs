//! Owns the ways to a first stop, and the clock. Prints nothing.

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use remora_tests::bench::client::Client;
use remora_tests::bench::editor::Editor;
use remora_tests::bench::program::{BREAKPOINT, Place};
use remora_tests::bench::shared::{Shared, succeed};
use remora_tests::bench::text::text;
use serde_json::json;
use tokio::net::{TcpStream, UnixStream};
use tokio::process::Command;

/// What a debugger may weigh that is brought to a remote.
const PUSH: usize = 1_000_000;

/// From the key to the stop, for an editor whose project is mirrored.
pub(crate) async fn by_remora(place: &Place, editor: &mut Editor) -> Duration {
    let file = place.file();
    let entry = json!({"type": "remora", "request": "launch", "name": "order", "program": file});
    let key = Instant::now();
    let launched = editor.launch(&entry).await;
    let socket = launched["socket"].as_str().expect("it listens on a socket");
    let stream = UnixStream::connect(socket).await.expect("it listens");
    let mut client = Client::begin(stream, &entry, &file, BREAKPOINT).await.expect("the debugger answers");
    let thread = client.stopped().await.expect("the program stops");
    let taken = key.elapsed();
    client.finish(&file, &thread).await.expect("the program ends");
    editor.exited().await;
    taken
}

/// From the command to the stop, for somebody who attaches at once when debugpy listens.
pub(crate) async fn by_hand(place: &Place, ssh: Command) -> Duration {
    let file = place.file();
    let key = Instant::now();
    let started = place.by_hand(ssh).await;
    let stream = TcpStream::connect(("127.0.0.1", started.port)).await.expect("the port is forwarded");
    stream.set_nodelay(true).expect("a connection can be told so");
    let mut client = Client::begin(stream, &place.attach(), &file, BREAKPOINT).await.expect("the debugger answers");
    let thread = client.stopped().await.expect("the program stops");
    let taken = key.elapsed();
    client.finish(&file, &thread).await.expect("the program ends");
    started.ended().await;
    taken
}

/// As many bytes as a debugger may weigh, by a rival.
pub(crate) async fn carry(shared: &Shared, folder: &Path) -> Duration {
    let (file, to) = (folder.join("push"), folder.join("pushed"));
    fs::write(&file, text(1, PUSH)).expect("a file can be written");
    let mut cat = shared.with_options("ssh");
    cat.args(["box", &format!("cat > {}", to.display())]);
    cat.stdin(Stdio::from(fs::File::open(&file).expect("a file can be read")));
    let start = Instant::now();
    succeed(cat).await;
    start.elapsed()
}

/// Removes the debugger from the remote, with what Python has compiled of it.
pub(crate) fn forget(place: &Place) {
    let tree = place.debugger_there().expect("Remora has brought a debugger there");
    fs::remove_dir_all(tree).expect("it can be removed");
}
