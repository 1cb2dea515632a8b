//! Decides when to connect, when to try again, and who hears of it. Never connects itself.

use std::time::Duration;

use remora_agent::{Link, LostReason};
use remora_debug::stable_port;
use remora_mirror::Blocked;
use remora_model::{Settings, Target};

use crate::event::{Event, Generation, Project, Reply, Rooted};
use crate::exposure::Wish;
use crate::fault::{self, Fault, Kind};
use crate::folders::{FolderName, main_remote};
use crate::jobs::Job;
use crate::state::{LinkState, Running, State, Waiting};
use crate::status::Status;

/// The pause before attempt `n`: quick at first, because most cuts are short, then doubling, and never
/// more than half a minute, so that a healed cable is noticed while the user still looks.
fn pause_before(attempt: u32) -> Duration {
    const FIRST: Duration = Duration::from_millis(250);
    const LONGEST: Duration = Duration::from_secs(30);
    FIRST.saturating_mul(1 << attempt.saturating_sub(1).min(10)).min(LONGEST)
}

impl State {
    pub(crate) fn connect_asked(&mut self, target: Option<&str>, reply: Reply<Status>) -> Vec<Job> {
        self.with_target(target, Waiting::Connect(reply), true)
    }

    pub(crate) fn root_asked(&mut self, target: Option<&str>, reply: Reply<Rooted>) -> Vec<Job> {
        self.with_target(target, Waiting::Root(reply), false)
    }

    /// Has a request served as soon as the target's link is up; `mirrored` says whether it wants the
    /// mirror at work.
    pub(crate) fn with_target(&mut self, target: Option<&str>, request: Waiting, mirrored: bool) -> Vec<Job> {
        if self.paused && matches!(request, Waiting::Mirror { .. } | Waiting::Debug(..)) {
            return self.refuse(request, fault::blocked(&FolderName::default(), &Blocked::Paused));
        }
        let current = self.target.as_ref().map(|target| target.name.clone());
        let mut jobs = match self.select(target.or(current.as_deref())) {
            Ok(jobs) => jobs,
            Err(fault) => return self.refuse(request, fault),
        };
        if mirrored && let Err(fault) = self.ensure_mirrors(matches!(request, Waiting::Plan(_))) {
            jobs.extend(self.refuse(request, fault));
            return jobs;
        }
        self.waiting.push(request);
        jobs.extend(self.ensure_link());
        jobs
    }

    /// Serves what waits if the link is up; otherwise starts connecting.
    pub(crate) fn ensure_link(&mut self) -> Vec<Job> {
        match self.link {
            LinkState::Up { .. } => self.serve_waiting(),
            LinkState::Connecting { .. } => Vec::new(),
            LinkState::Down(generation) => self.connect(generation.next(), 0),
            // Sooner than planned, and still one of the attempts to rebuild: they go on if it fails.
            LinkState::Pausing { generation, attempt } => self.connect(generation.next(), attempt),
        }
    }

    fn connect(&mut self, generation: Generation, attempt: u32) -> Vec<Job> {
        let Some(target) = &self.target else { return Vec::new() };
        self.link = LinkState::Connecting { generation, attempt };
        vec![Job::Connect { generation, transport: target.transport.clone() }]
    }

    pub(crate) fn linked(&mut self, generation: Generation, result: Result<Link, Fault>) -> Vec<Job> {
        let LinkState::Connecting { generation: present, attempt } = self.link else { return Vec::new() };
        if generation != present {
            return Vec::new();
        }
        match result {
            Ok(link) => self.link_up(generation, link),
            Err(fault) => self.connect_failed(generation, attempt, fault),
        }
    }

    fn link_up(&mut self, generation: Generation, link: Link) -> Vec<Job> {
        (self.message, self.claimed) = (None, None);
        if let Some(mirrors) = &self.mirrors {
            mirrors.link_up(&link);
            self.comparing = true;
        }
        self.link = LinkState::Up { generation, link: link.clone() };
        let mut jobs = vec![Job::AwaitLoss { generation, link }];
        jobs.extend(self.serve_waiting());
        jobs
    }

    fn connect_failed(&mut self, generation: Generation, attempt: u32, fault: Fault) -> Vec<Job> {
        let asked = !self.waiting.is_empty();
        for request in std::mem::take(&mut self.waiting) {
            self.refuse(request, fault.clone());
        }
        let again =
            fault.is_transient() && self.workspace.reconnect && self.mirrors.is_some() && !(asked && attempt == 0);
        if again {
            if attempt == 0 {
                self.say_fault(fault);
            }
            return self.pause(generation, attempt + 1);
        }
        if !asked {
            self.say_fault(fault);
        }
        self.link = LinkState::Down(generation);
        Vec::new()
    }

    fn pause(&mut self, generation: Generation, attempt: u32) -> Vec<Job> {
        self.link = LinkState::Pausing { generation, attempt };
        vec![Job::After { delay: pause_before(attempt), event: Box::new(Event::RetryDue(generation)) }]
    }

    pub(crate) fn retry_due(&mut self, generation: Generation) -> Vec<Job> {
        match self.link {
            LinkState::Pausing { generation: present, attempt } if present == generation => {
                self.connect(generation.next(), attempt)
            }
            _ => Vec::new(),
        }
    }

    pub(crate) fn link_lost(&mut self, generation: Generation, reason: &LostReason) -> Vec<Job> {
        let LinkState::Up { generation: present, .. } = self.link else { return Vec::new() };
        if generation != present {
            return Vec::new();
        }
        if let Some(mirrors) = &self.mirrors {
            mirrors.link_lost();
        }
        let target = self.target.as_ref().map_or("the target", |target| target.name.as_str());
        let again = self.workspace.reconnect && self.mirrors.is_some();
        let next = if again { "It is being rebuilt; the mirror goes on where it was." } else { "Start again." };
        let fault = Fault::new(Kind::ConnectionLost, format!("The connection to {target} was lost: {reason}."), next);
        // Requests under way on this link are told in their answers.
        let starts = self.sessions.values().any(|session| matches!(session.running, Running::Starting(_)));
        if starts || self.tally.is_some() {
            tracing::warn!(%fault, "while a request waits");
            self.message = Some(fault.message);
        } else {
            self.say_fault(fault);
        }
        if again {
            return self.pause(generation, 1);
        }
        self.link = LinkState::Down(generation);
        Vec::new()
    }

    /// Serves every request that waited for the link.
    fn serve_waiting(&mut self) -> Vec<Job> {
        let LinkState::Up { link, .. } = &self.link else { return Vec::new() };
        let link = link.clone();
        let waiting = std::mem::take(&mut self.waiting);
        waiting.into_iter().flat_map(|request| self.serve(&link, request)).collect()
    }

    fn serve(&mut self, link: &Link, request: Waiting) -> Vec<Job> {
        match request {
            Waiting::Connect(reply) => {
                let _ = reply.send(Ok(self.status()));
                Vec::new()
            }
            Waiting::Root(reply) => self.find_root(link, reply),
            Waiting::Terminal(request, reply) => self.open_terminal(link, *request, reply),
            Waiting::Mirror { overwrite, word, reply } => match self.working_mirrors(false) {
                Ok(mirrors) => {
                    // What a new comparison finds nobody has decided about.
                    word.into_iter().for_each(|word| mirrors.decide(word));
                    self.mirror_all(mirrors, overwrite, reply)
                }
                Err(fault) => self.refuse(Waiting::Mirror { overwrite, word, reply }, fault),
            },
            Waiting::RemoteFile(file, reply) => self.read_remote_file(link.clone(), file, reply),
            Waiting::Processes(all, reply) => vec![Job::ListProcesses { link: link.clone(), all, reply }],
            Waiting::Trash(reply) => vec![Job::ListTrash { link: link.clone(), folders: self.folders(), reply }],
            Waiting::Runs(request, reply) => vec![Job::Runs { link: link.clone(), request, reply }],
            Waiting::Restore(wanted, reply) => self.restore(link.clone(), &wanted, reply),
            Waiting::Take(file, reply) => match self.working_mirrors(false) {
                Ok(mirrors) => vec![Job::Take { mirrors, file, reply }],
                Err(fault) => self.refuse(Waiting::Take(file, reply), fault),
            },
            Waiting::Plan(reply) => match self.working_mirrors(true) {
                Ok(mirrors) => vec![Job::Plan { mirrors, reply }],
                Err(fault) => self.refuse(Waiting::Plan(reply), fault),
            },
            Waiting::Debug(request, reply) => match self.working_mirrors(false) {
                Ok(mirrors) => self.debug_barrier(mirrors, request, reply),
                Err(fault) => self.refuse(Waiting::Debug(request, reply), fault),
            },
        }
    }

    /// Answers a request with a fault.
    pub(crate) fn refuse(&mut self, request: Waiting, fault: Fault) -> Vec<Job> {
        match request {
            Waiting::Connect(reply) => drop(reply.send(Err(fault))),
            Waiting::Root(reply) => drop(reply.send(Err(fault))),
            Waiting::Terminal(_, reply) => drop(reply.send(Err(fault))),
            Waiting::Mirror { reply, .. } => drop(reply.send(Err(fault))),
            Waiting::RemoteFile(_, reply) => drop(reply.send(Err(fault))),
            Waiting::Take(_, reply) => drop(reply.send(Err(fault))),
            Waiting::Processes(_, reply) => drop(reply.send(Err(fault))),
            Waiting::Trash(reply) => drop(reply.send(Err(fault))),
            Waiting::Runs(_, reply) => drop(reply.send(Err(fault))),
            Waiting::Restore(_, reply) => drop(reply.send(Err(fault))),
            Waiting::Plan(reply) => drop(reply.send(Err(fault))),
            Waiting::Debug(_, reply) => drop(reply.send(Err(fault))),
        }
        Vec::new()
    }

    fn find_root(&mut self, link: &Link, reply: Reply<Rooted>) -> Vec<Job> {
        let (target, settings) = match (&self.target, &self.settings) {
            (Some(target), Ok(settings)) => (target, settings),
            (_, Err(fault)) => return self.refuse(Waiting::Root(reply), fault.clone()),
            (None, Ok(_)) => {
                return self.refuse(Waiting::Root(reply), Fault::internal("A request was served without a target."));
            }
        };
        let project = Project {
            target: target.name.clone(),
            debug: settings.debug.clone(),
            wish: Wish::new(target, (None, None), self.local_port(target, settings)),
        };
        vec![Job::FindRoots { link: link.clone(), folders: self.folders(), project: Box::new(project), reply }]
    }

    /// The local port of debug sessions: the settings' own, or the project's.
    pub(crate) fn local_port(&self, target: &Target, settings: &Settings) -> u16 {
        settings.debug.local_port.unwrap_or_else(|| stable_port(&self.workspace.root, &target.name))
    }

    /// The remote folder in which programs start, as the user gave it, or its default.
    pub(crate) fn remote_root(&self) -> String {
        self.target.as_ref().map(|target| main_remote(&self.workspace.root, target)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pauses_double_and_stay_below_half_a_minute() {
        let seconds: Vec<f64> = (1..=9).map(|attempt| pause_before(attempt).as_secs_f64()).collect();
        assert_eq!(seconds, [0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0]);
        assert_eq!(pause_before(u32::MAX), Duration::from_secs(30));
    }
}
