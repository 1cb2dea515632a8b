//! Decides what a question about one file leads to: its remote text, taking that, and why it is mirrored or not.

use std::path::{Path, PathBuf};

use remora_agent::Link;
use remora_mirror::Mirror;
use remora_model::{LocalPath, Policy, Target, Unicode};

use crate::event::Reply;
use crate::fault::{Explained, Fault};
use crate::folders::{Folder, folders, inner_first};
use crate::jobs::Job;
use crate::kept::{Kept, Wanted};
use crate::state::{State, Waiting};

/// A question why a file is mirrored, with all that has to be known for the answer.
pub struct Question {
    /// The folder that may hold it.
    pub folder: Folder,
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
    pub(crate) fn restore(&self, link: Link, wanted: &Wanted, reply: Reply<Kept>) -> Vec<Job> {
        let folders = self.folders();
        match wanted.of(&folders, self.unicode()) {
            Ok((folder, wanted)) => {
                let mirror = self.mirrors.as_ref().and_then(|mirrors| mirrors.of(&folder.name)).cloned();
                vec![Job::Restore { link, folder: Box::new(folder.clone()), mirror, wanted, reply }]
            }
            Err(fault) => {
                let _ = reply.send(Err(fault));
                Vec::new()
            }
        }
    }

    pub(crate) fn read_remote_file(&self, link: Link, file: PathBuf, reply: Reply<Option<Vec<u8>>>) -> Vec<Job> {
        vec![Job::ReadRemoteFile { link, folders: self.folders(), unicode: self.unicode(), file, reply }]
    }

    /// How names of here are written there.
    pub(crate) fn unicode(&self) -> Unicode {
        self.settings.as_ref().map(|settings| settings.mirror.policy.unicode).unwrap_or_default()
    }

    /// Answered from here alone: no connection is made for it.
    pub(crate) fn explain_asked(&mut self, file: PathBuf, reply: Reply<Explained>) -> Vec<Job> {
        match self.questions(&file) {
            Ok(questions) => vec![Job::Explain { questions, reply }],
            Err(fault) => {
                let _ = reply.send(Err(fault));
                Vec::new()
            }
        }
    }

    pub(super) fn questions(&self, file: &Path) -> Result<Vec<Question>, Fault> {
        let settings = self.settings.as_ref().map_err(Clone::clone)?;
        let target = self.target.as_ref().or_else(|| settings.pick(None));
        let mut questions = Question::all(&self.workspace.root, target, &settings.mirror.policy, file)?;
        for question in &mut questions {
            question.paused = self.paused;
            question.mirror = self.mirrors.as_ref().and_then(|all| all.of(&question.folder.name)).map(Mirror::status);
            let opened = question.mirror.as_ref().and_then(|mirror| mirror.remote_root.as_ref());
            if let Some(opened) = opened {
                question.remote_root = Some(opened.to_string());
            }
        }
        Ok(questions)
    }
}

impl Question {
    /// The questions for each of the target's folders, one within another first. Without a target, what of the
    /// workspace would be mirrored.
    pub(crate) fn all(
        workspace: &LocalPath,
        target: Option<&Target>,
        policy: &Policy,
        file: &Path,
    ) -> Result<Vec<Self>, Fault> {
        let folders = match target {
            Some(target) => folders(workspace, target)?,
            None => vec![Folder::workspace(workspace)],
        };
        let question = |folder: Folder| Self {
            policy: Policy { elsewhere: folder.elsewhere.clone(), ..policy.clone() },
            file: file.to_owned(),
            remote_root: target.map(|_| folder.remote.clone()),
            folder,
            mirror: None,
            paused: false,
        };
        Ok(inner_first(&folders, Folder::lies_in).into_iter().map(question).collect())
    }
}
