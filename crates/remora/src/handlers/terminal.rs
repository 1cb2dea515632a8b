//! Decides what becomes of a terminal: opened once the link is up, told of its end once. Never carries anything.

use remora_agent::{Exit, Link};
use tokio::sync::oneshot;

use crate::event::Reply;
use crate::fault::Fault;
use crate::jobs::{Carrying, Job, Opening};
use crate::state::{DebugSession, State, Waiting};
use crate::surface::Said;
use crate::terminal::{Ending, Input, Line, Opened, Shown, TerminalId, TerminalRequest};

/// How the system tells a shell that its terminal was closed.
const SIGHUP: i32 = 1;

impl State {
    pub(crate) fn terminal_asked(
        &mut self,
        target: Option<&str>,
        request: TerminalRequest,
        reply: Reply<Opened>,
    ) -> Vec<Job> {
        self.with_target(target, Waiting::Terminal(Box::new(request), reply), false)
    }

    /// Opens one on a link that is up. It has the environment of the target's programs.
    pub(crate) fn open_terminal(
        &mut self,
        link: &Link,
        mut request: TerminalRequest,
        reply: Reply<Opened>,
    ) -> Vec<Job> {
        let env = self.target.as_ref().map(|target| target.env.clone()).unwrap_or_default();
        request.env.extend(env);
        let (id, given_up) = self.terminals.begin();
        let opening = Opening { id, request, root: self.remote_root(), reply, given_up };
        vec![Job::OpenTerminal { link: link.clone(), opening }]
    }

    pub(crate) fn terminal_opened(
        &mut self,
        id: TerminalId,
        result: Result<Box<Line>, Fault>,
        reply: Reply<Opened>,
    ) -> Vec<Job> {
        let line = match result {
            Ok(line) => line,
            Err(fault) => {
                self.terminals.close(id);
                let _ = reply.send(Err(fault));
                return Vec::new();
            }
        };
        // Without it, it was given up a moment ago; dropping the line ends what runs there.
        let Some(inputs) = self.terminals.opened(id) else { return Vec::new() };
        let (begin, begun) = oneshot::channel();
        if reply.send(Ok(Opened { terminal: id, begin })).is_err() {
            self.terminals.close(id);
            return Vec::new();
        }
        vec![Job::CarryTerminal(Carrying { id, line, inputs, begun })]
    }

    pub(crate) fn terminal_used(&mut self, id: TerminalId, input: Input) -> Vec<Job> {
        self.terminals.input(id, input);
        Vec::new()
    }

    pub(crate) fn terminal_close_asked(&mut self, id: TerminalId) -> Vec<Job> {
        if self.terminals.close(id) {
            self.say(Said::TerminalEnded(id, Some(Exit::Signal(SIGHUP))));
        }
        self.stop_shown_on(id)
    }

    /// A program that is debugged ends with the terminal that it runs on.
    fn stop_shown_on(&mut self, id: TerminalId) -> Vec<Job> {
        let shown = self.sessions.values().find(|session| session.terminal == Some(id));
        let session = shown.and_then(DebugSession::listening).cloned();
        session.map(|session| Job::Stop { sessions: vec![session], done: None }).into_iter().collect()
    }

    pub(crate) fn terminal_showed(&mut self, id: TerminalId, shown: Shown) -> Vec<Job> {
        if self.terminals.is_open(id) {
            self.say(Said::TerminalOutput(id, shown));
        }
        Vec::new()
    }

    pub(crate) fn terminal_ended(&mut self, id: TerminalId, ending: Ending) -> Vec<Job> {
        let exit = match ending {
            Ending::Exited(exit) => Some(exit),
            Ending::Lost | Ending::Closed => None,
        };
        if self.terminals.close(id) {
            self.say(Said::TerminalEnded(id, exit));
        }
        Vec::new()
    }

    /// The link is about to be closed: all terminals end with it.
    pub(crate) fn end_terminals(&mut self) {
        for id in self.terminals.close_all() {
            self.say(Said::TerminalEnded(id, None));
        }
    }
}
