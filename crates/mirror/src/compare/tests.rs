//! Tables: what is here, what is there, what is recorded, and what is to be thought of it.

use remora_model::Mode;

use super::*;
use crate::notice::RemovalLimits;
use crate::record::Intent;

const NOW: Mtime = Mtime(1_000_000_000_000);

fn path(text: &str) -> RelPath {
    RelPath::new(text).unwrap()
}

fn digest(text: &str) -> Digest {
    Digest::of(text.as_bytes())
}

/// A file of this text and time; of a link, the text is where it leads.
fn entry(kind: Kind, text: &str, mtime: i64) -> Entry {
    let size = if kind == Kind::Dir { 0 } else { text.len() as u64 };
    let mode = Mode(if kind == Kind::Dir { 0o755 } else { 0o644 });
    Entry { kind, size, mtime: Mtime(mtime), mode }
}

type Side = Option<(Kind, &'static str, i64)>;

/// The record of a file that was put there with this text and time; `racy` if it was young then.
fn put(text: &str, mtime: i64, racy: bool) -> LineKind {
    let size = text.len() as u64;
    let seen = Some(Seen { mtime: Mtime(mtime), size, racy });
    let mode = Mode(0o644);
    LineKind::Is(Record::File(FileRecord { digest: digest(text), size, mtime: Mtime(mtime), mode, seen }))
}

/// Compares trees with the one path `x`, answering all that is asked, and tells what was found.
fn found(here: Side, there: Side, lines: Vec<LineKind>, overwrite: bool) -> (String, usize) {
    let mut listing = Listing::default();
    if let Some((kind, text, mtime)) = here {
        listing.entries.insert(path("x"), entry(kind, text, mtime));
    }
    let mut records = Records::default();
    for what in lines {
        records.apply(&Line { path: path("x"), what });
    }
    let surveyed = there.map_or(Surveyed::Missing, |(kind, text, mtime)| Surveyed::Found(entry(kind, text, mtime)));
    let remote = HashMap::from([(path("x"), surveyed)]);
    let paths = paths_to_survey(&listing, &records, &|_, _| false);
    let (mut local_digests, mut remote_digests, mut asked) = (HashMap::new(), HashMap::new(), 0);
    loop {
        let trees = Trees {
            listing: &listing,
            remote: &remote,
            records: &records,
            local_digests: &local_digests,
            remote_digests: &remote_digests,
            now: NOW,
            max_file: 0,
            modes: remora_model::Modes::Keep,
            overwrite,
        };
        let found = compare(&paths, &trees);
        if !found.asks() {
            let plan: Vec<String> =
                found.plan(RemovalLimits::default()).iter().map(|line| format!("{:?}", line.change)).collect();
            let forgets = found.lines.iter().any(|line| line.what == LineKind::Nothing(()));
            let text = if plan.is_empty() && forgets { "Forget".to_owned() } else { plan.join(" ") };
            return (if text.is_empty() { "Same".to_owned() } else { text }, asked);
        }
        asked += found.ask_local.len() + found.ask_remote.len();
        local_digests.extend(found.ask_local.into_iter().map(|path| (path, Ok(here.map(|side| digest(side.1))))));
        remote_digests.extend(found.ask_remote.into_iter().map(|path| (path, there.map(|side| digest(side.1)))));
    }
}

#[test]
fn files_are_judged_by_size_and_time_first_and_by_digest_where_these_differ() {
    use Kind::File;
    let old = || vec![put("old", 5, false)];
    for (here, there, record, expected, digests) in [
        // Known, and untouched on both sides: nothing is read.
        (Some((File, "old", 5)), Some((File, "old", 5)), old(), "Same", 0),
        // So young when it was read that it may have changed since.
        (Some((File, "old", 5)), Some((File, "old", 5)), vec![put("old", 5, true)], "Same", 1),
        (Some((File, "new", 5)), Some((File, "old", 5)), vec![put("old", 5, true)], "Replace", 1),
        // Changed here.
        (Some((File, "longer", 6)), Some((File, "old", 5)), old(), "Replace", 0),
        (Some((File, "new", 6)), Some((File, "old", 5)), old(), "Replace", 1),
        (Some((File, "old", 6)), Some((File, "old", 5)), old(), "Meta", 1),
        // Touched there.
        (Some((File, "old", 5)), Some((File, "old", 9)), old(), "Meta", 2),
        (Some((File, "new", 6)), Some((File, "old", 9)), old(), "Replace", 2),
        (Some((File, "old", 5)), Some((File, "xxx", 9)), old(), "Diverged", 2),
        (Some((File, "old", 5)), Some((File, "theirs", 9)), old(), "Diverged", 1),
        // Gone there.
        (Some((File, "old", 5)), None, old(), "Upload", 0),
        (Some((File, "old", 5)), None, vec![], "Upload", 0),
        // Not recorded.
        (Some((File, "old", 5)), Some((File, "old", 5)), vec![], "Same", 2),
        (Some((File, "old", 5)), Some((File, "old", 6)), vec![], "Meta", 2),
        (Some((File, "old", 5)), Some((File, "xxx", 5)), vec![], "Diverged", 2),
        (Some((File, "old", 5)), Some((File, "theirs", 5)), vec![], "Diverged", 0),
        // Sent and not confirmed.
        (
            Some((File, "v3", 9)),
            Some((File, "v2!", 7)),
            vec![LineKind::May(Intent::Content(digest("v2!")))],
            "Replace",
            1,
        ),
        (Some((File, "v3", 9)), Some((File, "v2!", 7)), vec![LineKind::May(Intent::Stamp(3, Mtime(7)))], "Replace", 1),
        (Some((File, "v3", 9)), Some((File, "v2!", 8)), vec![LineKind::May(Intent::Stamp(3, Mtime(7)))], "Diverged", 1),
        // Gone here.
        (None, Some((File, "old", 5)), old(), "Remove", 0),
        (None, Some((File, "old", 9)), old(), "Remove", 1),
        (None, Some((File, "xxx", 9)), old(), "Diverged", 1),
        (None, None, old(), "Forget", 0),
        // Gone here before it was known whether it arrived.
        (None, Some((File, "v2!", 7)), vec![LineKind::May(Intent::Content(digest("v2!")))], "Remove", 1),
        (None, Some((File, "xxx", 7)), vec![LineKind::May(Intent::Content(digest("v2!")))], "Forget", 1),
        (None, None, vec![LineKind::May(Intent::Content(digest("v2!")))], "Forget", 0),
    ] {
        let case = format!("{here:?} {there:?} {record:?}");
        assert_eq!(found(here, there, record, false), (expected.to_owned(), digests), "{case}");
    }
}

#[test]
fn kinds_that_differ_are_replaced_only_where_they_are_ours() {
    use Kind::{Dir, File, Other, Symlink};
    let dir = |ours| vec![LineKind::Is(Record::Dir { ours, mode: Mode(0o755) })];
    let link = |text| vec![LineKind::Is(Record::Link { digest: digest(text) })];
    for (here, there, record, expected) in [
        (Some((Symlink, "to", 1)), Some((Symlink, "to", 2)), vec![], "Same"),
        (Some((Symlink, "to", 1)), Some((Symlink, "xx", 2)), link("xx"), "Symlink"),
        (Some((Symlink, "to", 1)), Some((Symlink, "xx", 2)), vec![], "Diverged"),
        (Some((Symlink, "to", 1)), None, vec![], "Symlink"),
        (Some((Symlink, "to", 1)), Some((File, "old", 5)), vec![put("old", 5, false)], "Symlink"),
        (Some((Symlink, "to", 1)), Some((File, "to", 5)), vec![], "Diverged"),
        (Some((File, "a", 1)), Some((Symlink, "to", 2)), link("to"), "Replace"),
        (Some((File, "a", 1)), Some((Symlink, "to", 2)), vec![], "Diverged"),
        (Some((File, "a", 1)), Some((Dir, "", 2)), dir(true), "Replace"),
        (Some((File, "a", 1)), Some((Dir, "", 2)), dir(false), "Impossible"),
        (Some((File, "a", 1)), Some((Other, "", 2)), vec![], "Impossible"),
        (Some((Dir, "", 1)), Some((File, "old", 5)), vec![put("old", 5, false)], "Mkdir"),
        (Some((Dir, "", 1)), Some((File, "old", 5)), vec![], "Diverged"),
        (Some((Dir, "", 1)), Some((Symlink, "to", 5)), vec![], "Impossible"),
        (Some((Dir, "", 1)), Some((Symlink, "to", 5)), link("to"), "Mkdir"),
        (Some((Dir, "", 1)), Some((Dir, "", 5)), vec![], "Same"),
        (Some((Dir, "", 1)), None, dir(true), "Mkdir"),
        (None, Some((Dir, "", 5)), dir(true), "Remove"),
        (None, Some((Dir, "", 5)), dir(false), "Forget"),
        (None, Some((Dir, "", 5)), vec![LineKind::May(Intent::Dir)], "Remove"),
        (None, Some((Dir, "", 5)), vec![LineKind::May(Intent::Content(digest("a")))], "Forget"),
        (None, Some((File, "a", 5)), vec![LineKind::May(Intent::Dir)], "Forget"),
        (None, Some((Symlink, "to", 5)), link("to"), "Remove"),
        (None, Some((File, "a", 5)), dir(true), "Forget"),
    ] {
        let case = format!("{here:?} {there:?} {record:?}");
        assert_eq!(found(here, there, record, false).0, expected, "{case}");
    }
}

#[test]
fn the_local_tree_wins_when_the_user_chose_so() {
    use Kind::{Dir, File};
    assert_eq!(found(Some((File, "a", 1)), Some((File, "b", 2)), vec![], true).0, "Replace");
    assert_eq!(found(Some((Dir, "", 1)), Some((File, "b", 2)), vec![], true).0, "Replace");
    assert_eq!(found(None, Some((File, "b", 2)), vec![put("a", 1, false)], true).0, "Remove");
}

#[test]
fn a_remote_file_system_with_coarse_times_is_not_corrected_for_ever() {
    use Kind::File;
    let second = 1_000_000_000;
    let here = Some((File, "a", 7 * second + 5));
    assert_eq!(found(here, Some((File, "a", 7 * second)), vec![], false), ("Same".to_owned(), 2));
    assert_eq!(found(here, Some((File, "a", 10 * second)), vec![], false), ("Meta".to_owned(), 2));
}

#[test]
fn of_what_could_not_be_looked_at_nothing_is_removed() {
    let mut listing = Listing::default();
    let error = MirrorError::Other("permission denied".into());
    listing.unreadable.push((path("d"), error.clone()));
    let mut records = Records::default();
    for name in ["d", "d/a", "e"] {
        records.apply(&Line { path: path(name), what: put("a", 1, false) });
    }
    assert_eq!(paths_to_survey(&listing, &records, &|_, _| false), [path("e")]);
    assert_eq!(paths_to_survey(&listing, &records, &|path, _| path.name() == b"e"), []);
}
