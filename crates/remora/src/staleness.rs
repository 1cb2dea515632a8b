//! Decides what becomes of a program when files that it has loaded were changed: nothing, a question, or a new start.
//! Pure. Never asks anybody, and never ends anything.

use remora_model::OnStale;

/// What is known of one session, and what was done about it.
#[derive(Debug)]
pub(crate) struct Staleness {
    policy: OnStale,
    /// Files of which the program runs another text than what is here, in order.
    files: Vec<String>,
    /// Whether somebody is there who would start it anew.
    restartable: bool,
    /// Whether its debugger knows how to reload, and is there.
    reloadable: bool,
    /// Whether something was done about it since the session became stale.
    settled: bool,
    /// Whether its processes are reloading.
    reloading: bool,
    /// Whether something could not be reloaded, since the session became stale.
    refused: bool,
    /// Whether something was saved since it was to be reloaded last.
    saved: bool,
}

/// What the user can choose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// The program is started anew.
    Restart,
    /// Its functions get the new text.
    Reload,
    /// It goes on as it is.
    Keep,
}

/// What there is to choose from, besides keeping it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ways {
    pub(crate) restart: bool,
    pub(crate) reload: bool,
    /// Whether it was to be reloaded, and could not.
    pub(crate) failed: bool,
}

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Act {
    Nothing,
    /// The user is to be asked.
    Ask(Ways),
    /// The program is to be started anew.
    Restart,
    /// Its functions are to get the new text.
    Reload,
}

impl Staleness {
    pub(crate) fn new(policy: OnStale) -> Self {
        Self {
            policy,
            files: Vec::new(),
            restartable: false,
            reloadable: false,
            settled: false,
            reloading: false,
            refused: false,
            saved: false,
        }
    }

    /// Files of which the program runs another text than what is here, in order.
    pub(crate) fn files(&self) -> &[String] {
        &self.files
    }

    /// These are all of them; the same ones when one of them was saved once more.
    pub(crate) fn outdated(&mut self, files: Vec<String>) {
        let only_fewer = files.len() < self.files.len() && files.iter().all(|file| self.files.contains(file));
        self.files = files;
        if self.files.is_empty() {
            (self.settled, self.reloading, self.refused, self.saved) = (false, false, false, false);
        } else {
            self.saved |= !only_fewer && (self.reloading || self.refused);
        }
    }

    /// Whether somebody is there who would start the program anew.
    pub(crate) fn note_launcher(&mut self, there: bool) {
        self.restartable = there;
    }

    /// Whether its debugger knows how to reload, and is there.
    pub(crate) fn note_reloader(&mut self, there: bool) {
        self.reloadable = there;
    }

    /// What is to be done now, once for as long as the session stays stale. While not everything is on the remote, nothing
    /// is: a new start would have to wait for that, or be refused when the old program has ended.
    pub(crate) fn next(&mut self, in_sync: bool) -> Act {
        if self.files.is_empty() || !in_sync || !(self.restartable || self.reloadable) {
            return Act::Nothing;
        }
        if self.saved && self.reloadable && !self.reloading {
            return self.reload();
        }
        if self.settled {
            return Act::Nothing;
        }
        self.settled = true;
        match self.policy {
            OnStale::Restart if self.restartable => Act::Restart,
            OnStale::Reload if self.reloadable => self.reload(),
            OnStale::Ask | OnStale::Restart => Act::Ask(self.ways(false)),
            OnStale::Reload => Act::Ask(self.ways(true)),
            OnStale::Keep => Act::Nothing,
        }
    }

    /// The processes have reloaded what they could. What is left, and was not saved meanwhile, they can't; it is asked about
    /// once, and tried again when it was saved.
    pub(crate) fn reloaded(&mut self, in_sync: bool) -> Act {
        if !std::mem::take(&mut self.reloading) || self.files.is_empty() {
            return Act::Nothing;
        }
        if self.saved {
            return self.next(in_sync);
        }
        if std::mem::replace(&mut self.refused, true) { Act::Nothing } else { Act::Ask(self.ways(true)) }
    }

    /// The user has chosen, perhaps long after the question.
    pub(crate) fn chosen(&mut self, way: Way) -> Act {
        match way {
            Way::Restart if self.restartable => Act::Restart,
            Way::Reload if self.reloadable && !self.files.is_empty() => self.reload(),
            Way::Keep => {
                (self.refused, self.saved) = (false, false);
                Act::Nothing
            }
            Way::Restart | Way::Reload => Act::Nothing,
        }
    }

    fn reload(&mut self) -> Act {
        (self.reloading, self.saved) = (true, false);
        Act::Reload
    }

    fn ways(&self, failed: bool) -> Ways {
        Ways { restart: self.restartable, reload: self.reloadable && !failed, failed }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What happens to one session.
    #[derive(Debug, Clone, Copy)]
    enum Event {
        /// So many files are stale.
        Stale(usize),
        Launcher(bool),
        Reloader(bool),
        Reloaded,
        /// Everything is on the remote, or not any more.
        InSync(bool),
        Chosen(Way),
    }

    fn acts(policy: OnStale, events: &[Event]) -> Vec<Act> {
        let (mut staleness, mut in_sync) = (Staleness::new(policy), true);
        let mut act = |event: &Event| {
            match *event {
                Event::Stale(count) => staleness.outdated((0..count).map(|file| format!("{file}.py")).collect()),
                Event::Launcher(there) => staleness.note_launcher(there),
                Event::Reloader(there) => staleness.note_reloader(there),
                Event::Reloaded => return staleness.reloaded(in_sync),
                Event::InSync(now) => in_sync = now,
                Event::Chosen(way) => return staleness.chosen(way),
            }
            staleness.next(in_sync)
        };
        events.iter().map(&mut act).collect()
    }

    #[test]
    fn one_thing_is_done_for_as_long_as_a_session_is_stale() {
        use Act::{Nothing, Restart};
        use Event::{Chosen, InSync, Launcher, Stale};
        const ASK: Act = Act::Ask(Ways { restart: true, reload: false, failed: false });
        let table: [(OnStale, &[(Event, Act)]); 10] = [
            (OnStale::Ask, &[(Launcher(true), Nothing), (Stale(1), ASK), (Stale(2), Nothing)]),
            // The text is again what was loaded: what comes then is asked about anew.
            (OnStale::Ask, &[(Launcher(true), Nothing), (Stale(1), ASK), (Stale(0), Nothing), (Stale(1), ASK)]),
            (OnStale::Ask, &[(Launcher(true), Nothing), (Stale(1), ASK), (Chosen(Way::Restart), Restart)]),
            (
                OnStale::Ask,
                &[(Launcher(true), Nothing), (Stale(1), ASK), (Chosen(Way::Keep), Nothing), (Stale(2), Nothing)],
            ),
            // Nobody who would start it anew, and later somebody.
            (OnStale::Ask, &[(Stale(1), Nothing), (Launcher(true), ASK)]),
            (OnStale::Restart, &[(Launcher(false), Nothing), (Stale(1), Nothing), (Stale(2), Nothing)]),
            (OnStale::Restart, &[(Launcher(true), Nothing), (Stale(1), Restart), (Stale(2), Nothing)]),
            // A save under a pause, or one that is not there yet.
            (
                OnStale::Restart,
                &[(Launcher(true), Nothing), (InSync(false), Nothing), (Stale(1), Nothing), (InSync(true), Restart)],
            ),
            (OnStale::Keep, &[(Launcher(true), Nothing), (Stale(1), Nothing), (Chosen(Way::Keep), Nothing)]),
            // An answer that comes when nobody is there any more.
            (
                OnStale::Ask,
                &[
                    (Launcher(true), Nothing),
                    (Stale(1), ASK),
                    (Launcher(false), Nothing),
                    (Chosen(Way::Restart), Nothing),
                ],
            ),
        ];
        for (policy, row) in table {
            let (events, expected): (Vec<Event>, Vec<Act>) = row.iter().copied().unzip();
            assert_eq!(acts(policy, &events), expected, "{policy:?} {events:?}");
        }
    }

    #[test]
    fn what_can_not_be_reloaded_is_asked_about_and_what_is_saved_meanwhile_is_reloaded_too() {
        use Act::{Ask, Nothing, Reload};
        use Event::{Chosen, InSync, Launcher, Reloaded, Reloader, Stale};
        let ways = |restart, reload, failed| Ask(Ways { restart, reload, failed });
        let table: [(OnStale, &[(Event, Act)]); 11] = [
            // What was refused is tried again when it was saved and has arrived, and asked about once.
            (
                OnStale::Reload,
                &[
                    (Reloader(true), Nothing),
                    (Stale(1), Reload),
                    (Reloaded, ways(false, false, true)),
                    (InSync(false), Nothing),
                    (Stale(1), Nothing),
                    (InSync(true), Reload),
                    (Reloaded, Nothing),
                    (InSync(true), Nothing),
                    (Stale(2), Reload),
                    (Stale(0), Nothing),
                ],
            ),
            // Some of it could be reloaded; the rest is not new.
            (
                OnStale::Reload,
                &[
                    (Reloader(true), Nothing),
                    (Stale(2), Reload),
                    (Stale(1), Nothing),
                    (Reloaded, ways(false, false, true)),
                ],
            ),
            // Saved while it was being reloaded.
            (
                OnStale::Reload,
                &[
                    (Reloader(true), Nothing),
                    (Stale(1), Reload),
                    (InSync(false), Nothing),
                    (Stale(1), Nothing),
                    (Reloaded, Nothing),
                    (InSync(true), Reload),
                ],
            ),
            (
                OnStale::Ask,
                &[
                    (Reloader(true), Nothing),
                    (Stale(1), ways(false, true, false)),
                    (Chosen(Way::Reload), Reload),
                    (Reloaded, ways(false, false, true)),
                    (Chosen(Way::Keep), Nothing),
                    (Stale(1), Nothing),
                ],
            ),
            (
                OnStale::Reload,
                &[
                    (Reloader(true), Nothing),
                    (Stale(1), Reload),
                    (Stale(0), Nothing),
                    (Reloaded, Nothing),
                    (Stale(1), Reload),
                ],
            ),
            (
                OnStale::Reload,
                &[(Reloader(true), Nothing), (Stale(1), Reload), (Stale(2), Nothing), (Reloaded, Reload)],
            ),
            (
                OnStale::Reload,
                &[
                    (Reloader(true), Nothing),
                    (Stale(1), Reload),
                    (Reloaded, ways(false, false, true)),
                    (Reloaded, Nothing),
                    (Stale(2), Reload),
                ],
            ),
            // ptvsd, or Python 2.7.
            (OnStale::Reload, &[(Launcher(true), Nothing), (Stale(1), ways(true, false, true))]),
            (
                OnStale::Ask,
                &[
                    (Reloader(true), Nothing),
                    (Stale(1), ways(false, true, false)),
                    (Chosen(Way::Reload), Reload),
                    (Reloaded, ways(false, false, true)),
                ],
            ),
            (OnStale::Ask, &[(Reloader(true), Nothing), (Chosen(Way::Reload), Nothing)]),
            (OnStale::Restart, &[(Reloader(true), Nothing), (Stale(1), ways(false, true, false))]),
        ];
        for (policy, row) in table {
            let (events, expected): (Vec<Event>, Vec<Act>) = row.iter().copied().unzip();
            assert_eq!(acts(policy, &events), expected, "{policy:?} {events:?}");
        }
    }
}
