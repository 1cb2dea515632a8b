//! A language server in process over the local transport, its client, and a project. Never asserts anything.

#![allow(dead_code, reason = "not every file of stories needs all of it")]

use std::fs;
use std::path::PathBuf;

use remora_testkit::lsp::LspClient;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{DuplexStream, ReadHalf, WriteHalf};
use tokio::task::JoinHandle;

/// A server, its client, and a project.
pub struct Scene {
    pub folder: TempDir,
    pub client: LspClient<WriteHalf<DuplexStream>>,
    pub server: JoinHandle<()>,
}

impl Scene {
    pub async fn new(files: &[(&str, &str)]) -> Self {
        let folder = TempDir::new().unwrap();
        let settings = json!({"targets": [{
            "name": "here", "local": true, "remoteRoot": folder.path().join("there"),
        }]});
        Self::with_settings(folder, files, settings).await
    }

    pub async fn with_settings(folder: TempDir, files: &[(&str, &str)], settings: Value) -> Self {
        let here = folder.path().join("here");
        fs::create_dir(&here).unwrap();
        for (name, text) in files {
            fs::write(here.join(name), text).unwrap();
        }
        let (ours, theirs) = tokio::io::duplex(1 << 16);
        let (reader, writer) = tokio::io::split(theirs);
        let server = tokio::spawn(remora::backend::serve(reader, writer, Some(folder.path().join("records"))));
        let (reader, writer): (ReadHalf<_>, _) = tokio::io::split(ours);
        let mut client = LspClient::new(reader, writer, settings);
        client.ignore("remora/status");
        client.initialize(&here).await;
        Self { folder, client, server }
    }

    pub fn here(&self, name: &str) -> PathBuf {
        self.folder.path().join("here").join(name)
    }

    pub fn there(&self, name: &str) -> String {
        fs::read_to_string(self.folder.path().join("there").join(name)).unwrap()
    }

    pub async fn save(&mut self, name: &str, text: &str) {
        let file = self.here(name);
        fs::write(&file, text).unwrap();
        let uri = format!("file://{}", file.display());
        self.client.notify("textDocument/didSave", json!({"textDocument": {"uri": uri}})).await;
    }

    pub async fn end(mut self) {
        self.client.ignore("remora/mirrored");
        self.client.shutdown().await;
        self.server.await.unwrap();
    }
}
