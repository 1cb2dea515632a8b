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
    /// Whether something was done about it since the session became stale.
    settled: bool,
}

/// What the user can choose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// The program is started anew.
    Restart,
    /// It goes on as it is.
    Keep,
}

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Act {
    Nothing,
    /// The user is to be asked.
    Ask,
    /// The program is to be started anew.
    Restart,
}

impl Staleness {
    pub(crate) fn new(policy: OnStale) -> Self {
        Self { policy, files: Vec::new(), restartable: false, settled: false }
    }

    /// Files of which the program runs another text than what is here, in order.
    pub(crate) fn files(&self) -> &[String] {
        &self.files
    }

    /// These are all of them.
    pub(crate) fn outdated(&mut self, files: Vec<String>) {
        self.files = files;
        self.settled &= !self.files.is_empty();
    }

    /// Whether somebody is there who would start the program anew.
    pub(crate) fn note_launcher(&mut self, there: bool) {
        self.restartable = there;
    }

    /// What is to be done now, once for as long as the session stays stale. While not everything is on the remote, nothing
    /// is: a new start would have to wait for that, or be refused when the old program has ended.
    pub(crate) fn next(&mut self, in_sync: bool) -> Act {
        if self.files.is_empty() || self.settled || !self.restartable || !in_sync {
            return Act::Nothing;
        }
        self.settled = true;
        match self.policy {
            OnStale::Ask => Act::Ask,
            OnStale::Restart => Act::Restart,
            OnStale::Keep => Act::Nothing,
        }
    }

    /// The user has chosen, perhaps long after the question.
    pub(crate) fn chosen(&self, way: Way) -> Act {
        match way {
            Way::Restart if self.restartable => Act::Restart,
            Way::Restart | Way::Keep => Act::Nothing,
        }
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
                Event::InSync(now) => in_sync = now,
                Event::Chosen(way) => return staleness.chosen(way),
            }
            staleness.next(in_sync)
        };
        events.iter().map(&mut act).collect()
    }

    #[test]
    fn one_thing_is_done_for_as_long_as_a_session_is_stale() {
        use Act::{Ask, Nothing, Restart};
        use Event::{Chosen, InSync, Launcher, Stale};
        let table: [(OnStale, &[(Event, Act)]); 10] = [
            (OnStale::Ask, &[(Launcher(true), Nothing), (Stale(1), Ask), (Stale(2), Nothing)]),
            // The text is again what was loaded: what comes then is asked about anew.
            (OnStale::Ask, &[(Launcher(true), Nothing), (Stale(1), Ask), (Stale(0), Nothing), (Stale(1), Ask)]),
            (OnStale::Ask, &[(Launcher(true), Nothing), (Stale(1), Ask), (Chosen(Way::Restart), Restart)]),
            (
                OnStale::Ask,
                &[(Launcher(true), Nothing), (Stale(1), Ask), (Chosen(Way::Keep), Nothing), (Stale(2), Nothing)],
            ),
            // Nobody who would start it anew, and later somebody.
            (OnStale::Ask, &[(Stale(1), Nothing), (Launcher(true), Ask)]),
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
                    (Stale(1), Ask),
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
}
