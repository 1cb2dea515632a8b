//! Shows the editor that work goes on, once it has taken half a second. Never slows the work down.

use std::time::Duration;

use tokio::sync::{oneshot, watch};
use tower_lsp::Client;
use tower_lsp::lsp_types::notification::Progress as ProgressNotification;
use tower_lsp::lsp_types::request::WorkDoneProgressCreate;
use tower_lsp::lsp_types::{
    NumberOrString, ProgressParams, ProgressParamsValue, WorkDoneProgress, WorkDoneProgressBegin,
    WorkDoneProgressCreateParams, WorkDoneProgressEnd, WorkDoneProgressReport,
};

use crate::fault::Fault;
use crate::surface::Progress;

/// What is over sooner would only flicker.
const PATIENCE: Duration = Duration::from_millis(500);

/// Makes progress notices; clones share the counts of files and bytes.
#[derive(Clone)]
pub(super) struct Progresses {
    client: Client,
    shown: bool,
    counts: watch::Sender<Option<Progress>>,
}

/// Work that goes on until this is dropped.
pub(super) struct Work {
    _ended: Option<oneshot::Sender<()>>,
}

impl Progresses {
    pub(super) fn new(client: Client, shown: bool) -> Self {
        Self { client, shown, counts: watch::Sender::new(None) }
    }

    /// The counts changed.
    pub(super) fn count(&self, counts: Option<Progress>) {
        self.counts.send_replace(counts);
    }

    /// Work begins.
    pub(super) fn begin(&self, title: &'static str) -> Work {
        if !self.shown {
            return Work { _ended: None };
        }
        let (ended, end) = oneshot::channel();
        tokio::spawn(show(self.client.clone(), title, end, self.counts.subscribe()));
        Work { _ended: Some(ended) }
    }

    /// Waits for an answer and shows that it is waited for.
    pub(super) async fn during<T>(
        &self,
        title: &'static str,
        answer: oneshot::Receiver<Result<T, Fault>>,
    ) -> Result<T, Fault> {
        let _work = self.begin(title);
        answer.await.unwrap_or_else(|_| Err(Fault::internal("A request was dropped without an answer.")))
    }
}

async fn show(
    client: Client,
    title: &'static str,
    mut end: oneshot::Receiver<()>,
    mut counts: watch::Receiver<Option<Progress>>,
) {
    if tokio::time::timeout(PATIENCE, &mut end).await.is_ok() {
        return;
    }
    let token = NumberOrString::String(format!("remora/{}", next_token()));
    let create = WorkDoneProgressCreateParams { token: token.clone() };
    if client.send_request::<WorkDoneProgressCreate>(create).await.is_err() {
        return;
    }
    let begin = WorkDoneProgressBegin { title: title.into(), ..WorkDoneProgressBegin::default() };
    send(&client, &token, WorkDoneProgress::Begin(begin)).await;
    loop {
        tokio::select! {
            _ = &mut end => break,
            changed = counts.changed() => {
                if changed.is_err() {
                    break;
                }
                let counts = counts.borrow_and_update().clone();
                if let Some(counts) = counts {
                    send(&client, &token, WorkDoneProgress::Report(report(&counts))).await;
                }
            }
        }
    }
    send(&client, &token, WorkDoneProgress::End(WorkDoneProgressEnd { message: None })).await;
}

fn next_token() -> u64 {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

async fn send(client: &Client, token: &NumberOrString, value: WorkDoneProgress) {
    let value = ProgressParamsValue::WorkDone(value);
    client.send_notification::<ProgressNotification>(ProgressParams { token: token.clone(), value }).await;
}

fn report(counts: &Progress) -> WorkDoneProgressReport {
    let (done, total) = match counts.bytes_total {
        0 => (counts.files_done, counts.files_total.max(1)),
        total => (counts.bytes_done, total),
    };
    let percentage = u32::try_from((done.saturating_mul(100) / total).min(100)).unwrap_or(100);
    WorkDoneProgressReport {
        message: Some(format!("{} of {} files", counts.files_done, counts.files_total)),
        percentage: Some(percentage),
        ..WorkDoneProgressReport::default()
    }
}
