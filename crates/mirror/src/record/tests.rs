//! What is recorded, what counts as ours, and which trees are the same.

use super::*;

fn path(text: &str) -> RelPath {
    RelPath::new(text).unwrap()
}

#[test]
fn a_manifest_tells_trees_apart_by_what_a_program_can_see_of_them() {
    let manifest = |lines: &[(&str, Record)]| {
        let mut records = Records::default();
        for (name, record) in lines {
            records.apply(&Line { path: path(name), what: LineKind::Is(record.clone()) });
        }
        records.manifest()
    };
    let file = |text: &str, mtime, mode| {
        let (digest, size) = (Digest::of(text.as_bytes()), text.len() as u64);
        Record::File(FileRecord { digest, size, mtime: Mtime(mtime), mode: Mode(mode), seen: None })
    };
    let one = manifest(&[("a", file("1", 1, 0o644)), ("b", file("2", 1, 0o644))]);
    assert_eq!(one, manifest(&[("b", file("2", 9, 0o644)), ("a", file("1", 7, 0o644))]), "order and time");
    for other in [
        manifest(&[("a", file("2", 1, 0o644)), ("b", file("2", 1, 0o644))]),
        manifest(&[("a", file("1", 1, 0o755)), ("b", file("2", 1, 0o644))]),
        manifest(&[("a", file("1", 1, 0o644))]),
        manifest(&[("a", Record::Link { digest: Digest::of(b"1") }), ("b", file("2", 1, 0o644))]),
    ] {
        assert_ne!(one, other);
    }
}

#[test]
fn below_means_strictly_below_and_nothing_beside() {
    let mut records = Records::default();
    for name in ["a", "a/b", "a/\u{1}", "a/b/c", "a-b", "a0", "b"] {
        let what = LineKind::Is(Record::Dir { ours: true, mode: Mode(0o755) });
        records.apply(&Line { path: path(name), what });
    }
    let below: Vec<String> = records.below(&path("a")).map(|(path, _)| path.to_string()).collect();
    assert_eq!(below, ["a/\u{1}", "a/b", "a/b/c"]);
}

#[test]
fn what_was_sent_and_not_confirmed_counts_as_ours_until_it_is() {
    let (old, new) = (Digest::of(b"old"), Digest::of(b"new"));
    let file = |digest| Record::File(FileRecord { digest, size: 3, mtime: Mtime(1), mode: Mode(0o644), seen: None });
    let mut records = Records::default();
    records.apply(&Line { path: path("a"), what: LineKind::Is(file(old)) });
    records.apply(&Line { path: path("a"), what: LineKind::May(Intent::Content(new)) });
    assert!(records.is_ours(&path("a"), &old, 3, Mtime(9)));
    assert!(records.is_ours(&path("a"), &new, 3, Mtime(9)));
    records.apply(&Line { path: path("a"), what: LineKind::Is(file(new)) });
    assert!(!records.is_ours(&path("a"), &old, 3, Mtime(9)));
    records.apply(&Line { path: path("a"), what: LineKind::May(Intent::Stamp(7, Mtime(5))) });
    assert!(records.is_ours(&path("a"), &old, 7, Mtime(5)));
    assert!(!records.is_ours(&path("a"), &old, 7, Mtime(6)));
}

#[test]
fn coarse_times_are_as_good_as_the_file_system_can() {
    let file =
        |mtime| FileRecord { digest: Digest::of(b""), size: 0, mtime: Mtime(mtime), mode: Mode(0o644), seen: None };
    let second = 1_000_000_000;
    for (there, here, same) in [
        (5 * second, 5 * second, true),
        (5 * second, 5 * second + 7, true),
        (6 * second, 5 * second + 7, true),
        (4 * second, 5 * second, false),
        (5 * second, 7 * second + 7, false),
        (5 * second + 1, 5 * second + 7, false),
    ] {
        assert_eq!(file(there).has_meta(Mtime(here), Mode(0o644)), same, "{there} {here}");
    }
    assert!(!file(second).has_meta(Mtime(second), Mode(0o755)));
}

#[test]
fn lines_survive_json() {
    let record = Record::File(FileRecord {
        digest: Digest::of(b"x"),
        size: 1,
        mtime: Mtime(-5),
        mode: Mode(0o755),
        seen: Some(Seen { mtime: Mtime(3), size: 1, racy: true }),
    });
    for what in [
        LineKind::Is(record),
        LineKind::Is(Record::Link { digest: Digest::of(b"") }),
        LineKind::Is(Record::Dir { ours: false, mode: Mode(0o755) }),
        LineKind::May(Intent::Content(Digest::of(b"y"))),
        LineKind::May(Intent::Stamp(1 << 40, Mtime(2))),
        LineKind::May(Intent::Dir),
        LineKind::Nothing(()),
        LineKind::Declined(7),
    ] {
        let line = Line { path: RelPath::new(&b"caf\xe9/a\n\"b\""[..]).unwrap(), what };
        let text = serde_json::to_string(&line).unwrap();
        assert_eq!(serde_json::from_str::<Line>(&text).unwrap(), line, "{text}");
    }
}
