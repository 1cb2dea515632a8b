//! Owns the measured ways through Remora: a save in an editor, and a change that the watcher sees.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use remora_testkit::command::User;
use remora_testkit::lsp::LspClient;
use remora_tests::bench::Samples;
use serde_json::json;
use tokio::process::Command;

use crate::place::Place;

/// From the editor's notification to Remora's confirmation.
pub(crate) async fn editor(place: Place, ssh_config: &Path) -> Samples {
    let user = User::new(remora());
    let mut command = Command::new(remora());
    command.arg("lsp").env("HOME", user.home()).stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().expect("remora can be started");
    let stdin = child.stdin.take().expect("invariant: standard input is piped");
    let stdout = child.stdout.take().expect("invariant: standard output is piped");

    let target = json!({
        "name": "box", "host": "box", "sshConfig": ssh_config, "remoteRoot": place.remote_root, "python": "python3",
    });
    let mut client = LspClient::new(stdout, stdin, json!({"targets": [target]}));
    for method in ["remora/status", "window/logMessage", "client/registerCapability"] {
        client.ignore(method);
    }
    client.initialize(&place.local_root).await;
    client.request("remora/mirror", json!({})).await.expect("the first upload succeeds");

    let document = json!({"textDocument": {"uri": format!("file://{}", place.local_file().display())}});
    let samples = place
        .measure(async |place| {
            client.notify("textDocument/didSave", document.clone()).await;
            // The watcher sees the same save; a word that comes twice is about the one before.
            while client.expect("remora/mirrored").await.is_null() || !place.arrived() {}
        })
        .await;
    client.ignore("remora/mirrored");
    client.shutdown().await;
    drop(client);
    child.wait().await.expect("remora ends");
    samples
}

/// From the changed file to the event of `remora mirror --watch --json`.
pub(crate) async fn watch(place: Place, ssh_config: &Path) -> Samples {
    let user = User::new(remora());
    let mut args = ["mirror", "--watch", "--json", "--host", "box"].map(str::to_owned).to_vec();
    for (option, path) in
        [("--ssh-config", ssh_config), ("--root", &place.local_root), ("--remote-root", &place.remote_root)]
    {
        args.extend([option.to_owned(), path.display().to_string()]);
    }
    let mut remora = user.start(args);
    remora.event("mirrored").await;
    place
        .measure(async |place| {
            // A write that empties the file first may be seen as two changes; the last one counts.
            while remora.event("mirrored").await.is_null() || !place.arrived() {}
        })
        .await
}

/// The program that was built beside this one.
fn remora() -> PathBuf {
    let bench = std::env::current_exe().expect("a program knows where it is");
    bench.with_file_name(format!("remora{}", std::env::consts::EXE_SUFFIX))
}
