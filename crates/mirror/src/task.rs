//! Owns the task behind a [`crate::Mirror`]: feeds events to the state and carries out its jobs.

use tokio::sync::{mpsc, watch};

use crate::error::MirrorError;
use crate::mirror::{Command, Config};
use crate::notice::{Notice, Status};

#[expect(clippy::todo, clippy::needless_pass_by_value)]
pub(crate) fn start(
    _config: Config,
    _notices: mpsc::UnboundedSender<Notice>,
    _inbox: mpsc::UnboundedReceiver<Command>,
    _status: watch::Sender<Status>,
) -> Result<(), MirrorError> {
    todo!()
}
