//! How it is found out why a breakpoint is not hit. Decides nothing.

use std::sync::Arc;

use remora_debug::Session;

use super::file;
use crate::breakpoint::{Diagnosis, Spot, Verdict};
use crate::fault::{self, Fault};
use crate::handlers::Question;

/// Asks the mirror's rules and all sessions.
pub(super) async fn diagnose(
    questions: Vec<Question>,
    sessions: &[Arc<Session>],
    spot: &Spot,
) -> Result<Diagnosis, Fault> {
    let (verdict, sentence) = found(questions, sessions, spot).await?;
    Ok(Diagnosis { cause: verdict.name(), sentence })
}

/// The same for somebody who only looks at the line.
pub(super) async fn hover(
    questions: Vec<Question>,
    sessions: &[Arc<Session>],
    spot: &Spot,
) -> Result<Option<Diagnosis>, Fault> {
    let (verdict, sentence) = found(questions, sessions, spot).await?;
    Ok(verdict.is_worth_a_word().then(|| Diagnosis { cause: verdict.name(), sentence }))
}

async fn found(questions: Vec<Question>, sessions: &[Arc<Session>], spot: &Spot) -> Result<(Verdict, String), Fault> {
    let place = place(&questions, spot);
    let explained = file::explain_there(questions).await?;
    let mut causes = Vec::new();
    for session in sessions {
        causes.push(session.why_not_hit(&spot.file, spot.line).await);
    }
    let verdict = Verdict::of(explained.mirrored, causes);
    let sentence = fault::not_hit(&place, &verdict, &explained);
    Ok((verdict, sentence))
}

/// The line, as a person calls it: `orders.py:12`.
fn place(questions: &[Question], spot: &Spot) -> String {
    let inside = questions.iter().find_map(|question| {
        let path = question.folder.local.relative(&spot.file)?;
        Some(question.folder.name.file(&path))
    });
    format!("{}:{}", inside.unwrap_or_else(|| spot.file.display().to_string()), spot.line)
}
