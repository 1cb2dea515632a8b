//! What becomes of terminals when they are given up, and when all is let go of.

use std::collections::BTreeMap;

use remora_agent::TtySize;
use tokio::sync::oneshot;

use super::bed;
use crate::event::Event;
use crate::jobs::Job;
use crate::state::State;
use crate::surface::Said;
use crate::terminal::{Ending, TerminalRequest};

#[tokio::test]
async fn a_terminal_that_was_given_up_is_never_told_of_and_one_that_is_open_ends_once() {
    let mut bed = bed();
    bed.up().await;
    let size = TtySize { columns: 80, rows: 24 };
    let command = ["sleep", "600"].map(String::from).to_vec();
    let request = TerminalRequest { size, cwd: Some("/".into()), command, env: BTreeMap::new() };
    let asked = async |state: &mut State| {
        let (reply, answer) = oneshot::channel();
        let mut jobs = state.on(Event::TerminalAsked(None, request.clone(), reply));
        let Some(Job::OpenTerminal { link, opening }) = jobs.pop() else { panic!("the link is up") };
        let line = Box::new(crate::terminal::open(&link, "/", opening.request).await.unwrap());
        (opening.id, Event::TerminalOpened(opening.id, Ok(line), opening.reply), answer, opening.given_up)
    };
    let (open, opened, mut answer, _given_up) = asked(&mut bed.state).await;
    assert!(matches!(&bed.state.on(opened)[..], [Job::CarryTerminal(_)]));
    assert_eq!(answer.try_recv().unwrap().unwrap().terminal, open);
    let (_, late, mut answer, mut given_up) = asked(&mut bed.state).await;
    bed.state.on(Event::LeaveAsked(oneshot::channel().0));
    assert!(matches!(given_up.try_recv(), Err(oneshot::error::TryRecvError::Closed)));
    assert!(bed.state.on(late).is_empty());
    assert!(answer.try_recv().is_err());
    bed.state.on(Event::TerminalEnded(open, Ending::Closed));
    let said = std::iter::from_fn(|| bed.said.try_recv().ok());
    let ended: Vec<_> = said.filter(|said| matches!(said, Said::TerminalEnded(..))).collect();
    assert!(matches!(ended[..], [Said::TerminalEnded(id, None)] if id == open), "{ended:?}");
}
