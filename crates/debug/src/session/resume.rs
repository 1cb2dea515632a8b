//! Owns the way back to a detached run: a session around a program that runs already, or has ended meanwhile. Never starts
//! or ends one.

use remora_agent::{JoinError, Link, Place};
use serde_json::Value;
use tokio::sync::mpsc;

use super::assembly::{Parts, assemble};
use super::record::Record;
use super::{Session, SessionEvent};
use crate::configuration::attach_configuration;
use crate::error::DebugError;
use crate::relay::LocalListener;
use crate::request::{Exposed, Listen, Words};

/// Which run, and how its clients come.
#[derive(Debug, Clone)]
pub struct Resume {
    /// Its holder.
    pub place: Place,
    /// Where a client here may connect.
    pub listen: Listen,
    /// How a client of this session is told something.
    pub words: Words,
}

/// Joins a detached run; whoever was its client before is let go of. What was kept of its output comes first, and its end, if
/// it has ended, as ever.
///
/// # Errors
/// [`DebugError`]; the run is as it was then.
pub async fn resume(
    link: &Link,
    wanted: Resume,
    events: mpsc::UnboundedSender<SessionEvent>,
) -> Result<Session, DebugError> {
    let Resume { place, listen, words } = wanted;
    let local = LocalListener::bind(listen, &Exposed::No).await?;
    let link = join(link, &place).await?;
    let (record, omitted, process, run_dir) = link.adopt_run().await?;
    let record: Record =
        serde_json::from_value(record).map_err(|error| DebugError::NoRun { reason: error.to_string() })?;
    let terms = record.terms();
    let endpoint = local.endpoint();
    let mut configuration = attach_configuration(&terms, &endpoint, record.secret.as_deref());
    // So that it is found again from a window in which nothing runs yet.
    if endpoint.socket().is_some() {
        configuration["run"] = Value::String(place.name.clone());
    }
    let parts = Parts {
        link,
        record,
        process,
        run_dir,
        local,
        port: None,
        attached: false,
        words,
        foresight: true,
        on_terminal: false,
        exposed: Exposed::No,
        other_account: false,
        held: Some(place.name),
        ready: None,
        omitted,
    };
    let session = assemble(parts, events);
    Ok(Session { configuration, ..session })
}

/// A link to a run's holder.
pub(super) async fn join(link: &Link, place: &Place) -> Result<Link, DebugError> {
    link.join(&place.socket).await.map_err(|error| match error {
        JoinError::Agent(error) => error.into(),
        JoinError::Boot(error) => DebugError::NoRun { reason: error.to_string() },
    })
}
