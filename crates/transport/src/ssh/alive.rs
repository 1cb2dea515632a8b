//! Owns when a silent server is asked for a sign of life, and when it is given up. Pure: time comes in.

use std::time::{Duration, Instant};

/// How often a silent server is asked whether it is there, unless `ServerAliveInterval` says so.
/// With three unanswered questions, a cable that was pulled is noticed within 20 s.
pub(super) const ALIVE_INTERVAL: Duration = Duration::from_secs(5);

/// What is to be done about a silence.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Due {
    /// Nothing yet.
    Nothing,
    /// Ask whether the server is there.
    Question,
    /// It has let all questions go unanswered, for so long.
    GiveUp(Duration),
}

/// The silence of one server.
///
/// Each question has its own time to be answered: when this process was stopped for a minute (Ctrl-Z, a
/// paused virtual machine), the minute says nothing of the server.
pub(super) struct Alive {
    interval: Duration,
    questions: u32,
    heard: Instant,
    asked: u32,
    due: Instant,
}

impl Alive {
    pub(super) fn new(interval: Duration, questions: u32, now: Instant) -> Self {
        Self { interval, questions, heard: now, asked: 0, due: now + interval }
    }

    /// The server has said something.
    pub(super) fn hear(&mut self, now: Instant) {
        *self = Self::new(self.interval, self.questions, now);
    }

    /// When there is something to be done, if nothing is heard.
    pub(super) fn due(&self) -> Instant {
        self.due
    }

    /// What is to be done now; a question counts as asked.
    pub(super) fn check(&mut self, now: Instant) -> Due {
        if now < self.due {
            return Due::Nothing;
        }
        if self.asked >= self.questions {
            return Due::GiveUp(now.saturating_duration_since(self.heard));
        }
        self.asked += 1;
        self.due = now + self.interval;
        Due::Question
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(start: Instant, seconds: u64) -> Instant {
        start + Duration::from_secs(seconds)
    }

    #[test]
    fn a_dead_server_is_given_up_after_its_questions() {
        let start = Instant::now();
        let mut alive = Alive::new(ALIVE_INTERVAL, 3, start);
        assert_eq!(alive.check(at(start, 4)), Due::Nothing);
        for seconds in [5, 10, 15] {
            assert_eq!(alive.due(), at(start, seconds));
            assert_eq!(alive.check(at(start, seconds)), Due::Question);
            assert_eq!(alive.check(at(start, seconds)), Due::Nothing);
        }
        assert_eq!(alive.check(at(start, 20)), Due::GiveUp(Duration::from_secs(20)));
    }

    #[test]
    fn an_answer_begins_anew() {
        let start = Instant::now();
        let mut alive = Alive::new(ALIVE_INTERVAL, 1, start);
        assert_eq!(alive.check(at(start, 5)), Due::Question);
        alive.hear(at(start, 6));
        assert_eq!(alive.check(at(start, 10)), Due::Nothing);
        assert_eq!(alive.check(at(start, 11)), Due::Question);
    }

    #[test]
    fn a_process_that_was_stopped_asks_before_it_gives_up() {
        let start = Instant::now();
        let mut alive = Alive::new(ALIVE_INTERVAL, 3, start);
        for seconds in [600, 605, 610] {
            assert_eq!(alive.check(at(start, seconds)), Due::Question);
            assert_eq!(alive.check(at(start, seconds)), Due::Nothing);
        }
        assert!(matches!(alive.check(at(start, 615)), Due::GiveUp(_)));
    }
}
