//! Owns the decision which one thing keeps a breakpoint from being hit: of all that is known the most fundamental,
//! which has to be mended before any other. Pure; what is not known is not claimed.

use std::sync::Arc;

use super::points::{Point, Way};
use super::verdict::{Loaded, Verdict};
use crate::cause::Cause;
use crate::request::Difference;

/// The beginnings of what pydevd says of breakpoints that it refuses, in all versions.
const NO_FILE: &str = "Breakpoint in file that does not exist";
const EXCLUDED: &str = "Breakpoint in file excluded by filters";

/// All that is known of one line of one file.
#[derive(Debug)]
pub(crate) struct Sight {
    /// Whether a client debugs the program or one of its children.
    pub(crate) attached: bool,
    /// Whether clients come by where they are heard.
    pub(crate) heard: bool,
    /// One for each client that has a breakpoint there.
    pub(crate) seats: Vec<Seat>,
    /// A process that nobody debugs and that has loaded the file.
    pub(crate) other: Option<u32>,
    /// What the file is called that the program has loaded in its place: the same one here, another one there.
    pub(crate) other_name: Option<String>,
    /// The lines that have code, of the text that stands here; in order.
    pub(crate) code: Option<Arc<[u32]>>,
    /// Whether child processes are debugged.
    pub(crate) children: bool,
}

/// Whom a session reaches.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reach {
    /// Whether clients come by where they are heard.
    pub(crate) heard: bool,
    /// Whether child processes are debugged.
    pub(crate) children: bool,
}

/// A breakpoint as one client has it, and the file as the process has it that this client debugs.
#[derive(Debug, Clone)]
pub(crate) struct Seat {
    pub(crate) point: Point,
    pub(crate) way: Way,
    pub(crate) loaded: Loaded,
    pub(crate) verdict: Verdict,
}

/// The one cause. Of several processes those count that have loaded the file, and of these one that can't stop.
pub(crate) fn cause(sight: &Sight) -> Cause {
    if !sight.attached {
        return if sight.heard { Cause::NotAttached } else { Cause::Unheard };
    }
    let has = |seat: &&Seat| has_loaded(&seat.loaded);
    let some_have = sight.seats.iter().any(|seat| has(&seat));
    let causes = sight.seats.iter().filter(|seat| !some_have || has(seat)).map(|seat| of_seat(seat, sight));
    let causes: Vec<Cause> = causes.collect();
    let broken = causes.iter().find(|cause| !matches!(cause, Cause::Fine(_)));
    broken.or(causes.first()).cloned().unwrap_or(Cause::NotSet)
}

fn of_seat(seat: &Seat, sight: &Sight) -> Cause {
    let Seat { point, verdict, loaded, .. } = seat;
    let difference = verdict.difference();
    if let Some(cause) = refusal(seat) {
        return cause;
    }
    if let Some(difference @ Difference::Elsewhere { .. }) = difference {
        return Cause::Differs(difference.clone());
    }
    if let Some(name) = &sight.other_name {
        return Cause::OtherName { name: name.clone() };
    }
    if let (Some(pid), Loaded::Nothing) = (sight.other, loaded) {
        return Cause::OtherProcess { pid, only: true };
    }
    if let Some(difference) = difference {
        return Cause::Differs(difference.clone());
    }
    let has_code = |code: &Arc<[u32]>| code.binary_search(&point.asked).is_ok();
    // From Python 3.11 on debugpy takes 0 for the last line with code before the first. Where the line has code by now,
    // the answer was about an earlier text.
    if point.told != point.asked && point.told > 0 && !sight.code.as_ref().is_some_and(has_code) {
        return Cause::Moved { from: point.asked, to: point.told };
    }
    if *verdict == Verdict::Open {
        return Cause::Unknown;
    }
    if sight.code.as_ref().map_or(point.told == 0, |code| !has_code(code)) {
        let after = |code: &Arc<[u32]>| code.iter().copied().find(|line| *line > point.asked);
        return Cause::NoCode { line: point.asked, next: sight.code.as_ref().and_then(after) };
    }
    match (loaded, sight.other) {
        (Loaded::Nothing, _) => Cause::NotImported { children: sight.children },
        // One that is debugged is on its way to its client.
        (_, Some(pid)) if !sight.children => Cause::OtherProcess { pid, only: false },
        _ => Cause::Fine(point.stops),
    }
}

/// Why the debugger itself would not have it.
fn refusal(Seat { point, way, verdict, .. }: &Seat) -> Option<Cause> {
    let words = point.refused.as_deref()?;
    if words.starts_with(EXCLUDED) {
        return Some(Cause::NotMyCode);
    }
    if !words.starts_with(NO_FILE) {
        return (!words.is_empty()).then(|| Cause::Refused(words.to_owned()));
    }
    match (way, verdict) {
        (Way::Nowhere, _) => Some(Cause::Unmapped),
        (Way::Elsewhere(to), _) => Some(Cause::MappedElsewhere { to: to.clone() }),
        (Way::Theirs, _) | (Way::Ours, Verdict::Open) => Some(Cause::Refused(words.to_owned())),
        (Way::Ours, Verdict::Same) => Some(Cause::CameLater),
        (Way::Ours, Verdict::Not(_)) => None,
    }
}

fn has_loaded(loaded: &Loaded) -> bool {
    matches!(loaded, Loaded::Text(_) | Loaded::Other | Loaded::Earlier | Loaded::Unclear)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cause::Stops;

    fn seat() -> Seat {
        let point = Point { asked: 3, told: 3, refused: None, stops: Stops::Always };
        Seat { point, way: Way::Ours, loaded: Loaded::Text([0; 32]), verdict: Verdict::Same }
    }

    fn sight() -> Sight {
        let code = Some([1, 3, 5].into());
        Sight { attached: true, heard: true, seats: vec![seat()], other: None, other_name: None, code, children: true }
    }

    type Edit = fn(&mut Sight);

    #[test]
    fn each_cause_is_found_and_a_more_fundamental_one_comes_first() {
        // Each edit is made on top of all before it.
        let steps: [(Edit, Cause); 16] = [
            (|_| {}, Cause::Fine(Stops::Always)),
            (|sight| sight.seats[0].point.stops = Stops::Never, Cause::Fine(Stops::Never)),
            (|sight| (sight.other, sight.children) = (Some(7), false), Cause::OtherProcess { pid: 7, only: false }),
            (|sight| sight.other = None, Cause::Fine(Stops::Never)),
            (|sight| sight.seats[0].loaded = Loaded::Nothing, Cause::NotImported { children: false }),
            (|sight| sight.code = Some([1, 5].into()), Cause::NoCode { line: 3, next: Some(5) }),
            (|sight| sight.code = Some([1].into()), Cause::NoCode { line: 3, next: None }),
            (|sight| sight.seats[0].verdict = Verdict::Open, Cause::Unknown),
            (|sight| sight.seats[0].point.told = 1, Cause::Moved { from: 3, to: 1 }),
            (
                |sight| sight.seats[0].verdict = Verdict::Not(Difference::OtherThere),
                Cause::Differs(Difference::OtherThere),
            ),
            (|sight| sight.other = Some(7), Cause::OtherProcess { pid: 7, only: true }),
            (|sight| sight.other_name = Some("a.py".into()), Cause::OtherName { name: "a.py".into() }),
            (|sight| sight.seats[0].point.refused = Some(format!("{EXCLUDED}.")), Cause::NotMyCode),
            (|sight| sight.seats.clear(), Cause::NotSet),
            (|sight| sight.attached = false, Cause::NotAttached),
            (|sight| sight.heard = false, Cause::Unheard),
        ];
        let mut sight = sight();
        for (number, (edit, expected)) in steps.into_iter().enumerate() {
            edit(&mut sight);
            assert_eq!(cause(&sight), expected, "step {number}");
        }
    }

    #[test]
    fn a_file_that_the_debugger_does_not_find_is_told_by_where_the_mapping_leads() {
        let missing = || Verdict::Not(Difference::MissingThere);
        let refused = || Cause::Refused(format!("{NO_FILE}."));
        for (way, verdict, expected) in [
            (Way::Nowhere, Verdict::Open, Cause::Unmapped),
            (Way::Elsewhere("/x".into()), missing(), Cause::MappedElsewhere { to: "/x".into() }),
            (Way::Theirs, Verdict::Open, refused()),
            (Way::Ours, Verdict::Open, refused()),
            (Way::Ours, Verdict::Same, Cause::CameLater),
            (Way::Ours, missing(), Cause::Differs(Difference::MissingThere)),
        ] {
            let mut sight = sight();
            sight.seats[0].point.refused = Some(format!("{NO_FILE}."));
            (sight.seats[0].way, sight.seats[0].verdict) = (way.clone(), verdict);
            assert_eq!(cause(&sight), expected, "{way:?}");
        }
    }

    #[test]
    fn a_line_before_all_code_has_none_wherever_the_debugger_moves_it() {
        let mut sight = sight();
        sight.code = Some([3, 5].into());
        for told in [1, 0] {
            (sight.seats[0].point.asked, sight.seats[0].point.told) = (1, told);
            assert_eq!(cause(&sight), Cause::NoCode { line: 1, next: Some(3) }, "{told}");
        }
        sight.code = None;
        assert_eq!(cause(&sight), Cause::NoCode { line: 1, next: None });
        // Moved in an earlier text.
        sight.code = Some([1, 3].into());
        for told in [0, 3] {
            sight.seats[0].point.told = told;
            assert_eq!(cause(&sight), Cause::Fine(Stops::Always), "{told}");
        }
    }

    #[test]
    fn nothing_is_claimed_of_a_process_or_lines_that_are_not_known() {
        for loaded in [Loaded::Unknown, Loaded::Unclear, Loaded::Text([0; 32])] {
            let mut sight = sight();
            (sight.seats[0].loaded, sight.code) = (loaded, None);
            assert_eq!(cause(&sight), Cause::Fine(Stops::Always));
        }
        let mut sight = sight();
        sight.seats[0].point.refused = Some(String::new());
        assert_eq!(cause(&sight), Cause::Fine(Stops::Always));
    }

    #[test]
    fn of_several_processes_those_that_have_loaded_the_file_count_and_one_that_can_not_stop_is_named() {
        let mut sight = sight();
        sight.seats.insert(0, Seat { loaded: Loaded::Nothing, ..seat() });
        assert_eq!(cause(&sight), Cause::Fine(Stops::Always));
        sight.seats.push(Seat { verdict: Verdict::Not(Difference::Outdated), ..seat() });
        assert_eq!(cause(&sight), Cause::Differs(Difference::Outdated));
    }
}
