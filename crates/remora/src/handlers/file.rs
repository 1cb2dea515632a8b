//! Decides what a question about one file leads to: its remote text, taking that, and why it is mirrored or not.

use std::path::PathBuf;

use remora_agent::{Link, Trashed};
use remora_mirror::{Mirror, Restore};
use remora_model::{LocalPath, Policy};

use crate::event::Reply;
use crate::fault::Explained;
use crate::jobs::Job;
use crate::state::{State, Waiting, default_remote_root};

/// A question why a file is mirrored, with all that has to be known for the answer.
pub struct Question {
    /// The local root.
    pub local_root: LocalPath,
    /// What the settings say of it.
    pub policy: Policy,
    /// The file, as it was given.
    pub file: PathBuf,
    /// Where the root is mirrored to, as far as known.
    pub remote_root: Option<String>,
    /// The status of the mirror at work, if there is one.
    pub mirror: Option<remora_mirror::Status>,
    /// Whether the user wants nothing sent for now.
    pub paused: bool,
}

impl State {
    /// Needs the connection and no mirror: a look at the remote must not begin to change it.
    pub(crate) fn remote_file_asked(&mut self, file: PathBuf, reply: Reply<Option<Vec<u8>>>) -> Vec<Job> {
        self.with_target(None, Waiting::RemoteFile(file, reply), false)
    }

    pub(crate) fn take_asked(&mut self, file: PathBuf, reply: Reply<()>) -> Vec<Job> {
        self.with_target(None, Waiting::Take(file, reply), true)
    }

    /// The restored file is a change of the local tree like any other.
    pub(crate) fn restore(&self, link: Link, wanted: Restore, reply: Reply<Trashed>) -> Vec<Job> {
        let (remote_root, local_root) = (self.remote_root(), self.workspace.root.clone());
        vec![Job::Restore { link, remote_root, local_root, mirror: self.mirror.clone(), wanted, reply }]
    }

    pub(crate) fn read_remote_file(&self, link: Link, file: PathBuf, reply: Reply<Option<Vec<u8>>>) -> Vec<Job> {
        let (local_root, remote_root) = (self.workspace.root.clone(), self.remote_root());
        vec![Job::ReadRemoteFile { link, local_root, remote_root, file, reply }]
    }

    /// Answered from here alone: no connection is made for it.
    pub(crate) fn explain_asked(&mut self, file: PathBuf, reply: Reply<Explained>) -> Vec<Job> {
        let settings = match &self.settings {
            Ok(settings) => settings,
            Err(fault) => {
                let _ = reply.send(Err(fault.clone()));
                return Vec::new();
            }
        };
        let mirror = self.mirror.as_ref().map(Mirror::status);
        let opened = mirror.as_ref().and_then(|mirror| mirror.remote_root.as_ref()).map(ToString::to_string);
        let target = self.target.as_ref().or_else(|| settings.pick(None));
        let given = target
            .map(|target| target.remote_root.clone().unwrap_or_else(|| default_remote_root(&self.workspace.root)));
        let question = Question {
            local_root: self.workspace.root.clone(),
            policy: settings.mirror.policy.clone(),
            file,
            remote_root: opened.or(given),
            mirror,
            paused: self.paused,
        };
        vec![Job::Explain { question: Box::new(question), reply }]
    }
}
