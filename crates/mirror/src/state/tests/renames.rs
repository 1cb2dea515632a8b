//! What is gone here and is the same as what came elsewhere is renamed there.

use super::*;
use crate::record::Record;

impl Bench {
    /// Has a comparison find these to be gone, and those to be new; all files are of text `old`.
    fn found_moved(&mut self, gone: &[&str], new: &[(&str, Change)]) -> Vec<Job> {
        self.on(Event::Rescan);
        let gone = gone.iter().map(|name| Dirty { path: path(name), change: Change::Remove, size: 0, any: false });
        let size = |change| if change == Change::Upload { 3 } else { 0 };
        let new = new.iter().map(|(name, change)| Dirty {
            path: path(name),
            change: *change,
            size: size(*change),
            any: false,
        });
        let dirty = gone.chain(new).collect();
        self.on(Event::Compared(Ok(Comparison { dirty, ..Comparison::default() })))
    }

    /// Answers all looks: files that are here have this text; what is not here is gone. What is sent comes back.
    fn look(&mut self, jobs: Vec<Job>, here: &[(&str, &str)], dirs: &[&str]) -> Vec<(String, ChangeKind)> {
        let (mut sent, mut open) = (Vec::new(), jobs);
        while let Some(job) = open.pop() {
            match job {
                Job::Look(specs) => {
                    let looked = |name: &str| match here.iter().find(|(here, _)| *here == name) {
                        Some((_, text)) => file(text),
                        None if dirs.contains(&name) => Looked::Dir(Mode(0o755), None),
                        None => Looked::Gone,
                    };
                    let found = specs.into_iter().map(|spec| (spec.path.clone(), looked(&spec.path.to_string())));
                    let found = found.collect();
                    open.extend(self.on(Event::Looked { found, urgent: false }));
                }
                Job::Send { path, op, .. } => sent.push((path.to_string(), op.kind)),
                other => panic!("{other:?}"),
            }
        }
        sent
    }

    fn files(&self) -> Vec<String> {
        let files = self.state.records().iter().filter(|(_, record)| matches!(record, Record::File(_)));
        files.map(|(path, _)| path.to_string()).collect()
    }
}

const NEW: [(&str, Change); 3] = [("n", Change::Mkdir), ("n/a", Change::Upload), ("n/b", Change::Upload)];

fn answered(dirs: bool) -> Outcome {
    Outcome::Done { digest: None, dirs: if dirs { vec![(path("n"), true)] } else { vec![] }, made: true }
}

/// A folder `d` of two files, and a file beside it.
fn bench() -> Bench {
    let mut bench = Bench::limited(&["d/a", "d/b", "e"], RemovalLimits { files: 1, percent: 0 });
    let dir = |name: &str| crate::record::Line {
        path: path(name),
        what: crate::record::LineKind::Is(Record::Dir { ours: true, mode: Mode(0o755) }),
    };
    bench.state.records.apply(&dir("d"));
    bench
}

#[test]
fn a_folder_of_which_all_is_elsewhere_goes_in_one_change_and_is_no_removal() {
    let mut bench = bench();
    let jobs = bench.found_moved(&["d", "d/a", "d/b"], &NEW);
    let sent = bench.look(jobs, &[("n/a", "old"), ("n/b", "old")], &["n"]);
    let [(to, ChangeKind::MoveDir { from, .. })] = &sent[..] else { panic!("{sent:?}") };
    assert_eq!((to.as_str(), from), ("n", &path("d")));
    assert_eq!(bench.state.status().held, 0);
    let jobs = bench.sent("n", answered(false));
    assert_eq!(bench.look(jobs, &[("n/a", "old"), ("n/b", "old")], &["n"]), []);
    assert_eq!(
        (bench.files(), bench.state.status().phase),
        (vec!["e".into(), "n/a".into(), "n/b".into()], Phase::InSync)
    );
}

#[test]
fn what_the_remote_does_not_move_as_one_goes_file_by_file() {
    let mut bench = bench();
    let here = [("n/a", "old"), ("n/b", "old")];
    let jobs = bench.found_moved(&["d", "d/a", "d/b"], &NEW);
    bench.look(jobs, &here, &["n"]);
    let jobs = bench.sent("n", Outcome::refused());
    let sent = bench.look(jobs, &here, &["n"]);
    assert!(
        matches!(&sent[..], [(name, ChangeKind::Parent { .. } | ChangeKind::Dir { .. })] if name == "n"),
        "{sent:?}"
    );
    let jobs = bench.sent("n", answered(true));
    let mut sent = bench.look(jobs, &here, &["n"]);
    sent.sort_by(|(a, _), (b, _)| a.cmp(b));
    let froms: Vec<(&str, &RelPath)> = sent
        .iter()
        .map(
            |(to, kind)| {
                if let ChangeKind::Move { from, .. } = kind { (to.as_str(), from) } else { panic!("{kind:?}") }
            },
        )
        .collect();
    assert_eq!(froms, [("n/a", &path("d/a")), ("n/b", &path("d/b"))], "each under its own name");
    // One of them can't be moved either: it is sent, and the old one removed.
    let jobs = bench.sent("n/a", answered(false));
    assert_eq!(bench.look(jobs, &here, &["n"]), []);
    let jobs = bench.sent("n/b", Outcome::refused());
    let sent = bench.look(jobs, &here, &["n"]);
    let is_write = |(name, kind): &(String, ChangeKind)| name == "n/b" && matches!(kind, ChangeKind::Write { .. });
    let is_removal = |(name, kind): &(String, ChangeKind)| name == "d/b" && matches!(kind, ChangeKind::Remove { .. });
    assert!(sent.len() == 2 && sent.iter().any(is_write) && sent.iter().any(is_removal), "{sent:?}");
}

#[test]
fn what_only_looks_alike_is_a_removal_and_an_upload() {
    let mut bench = bench();
    let jobs = bench.found_moved(&["d", "d/a", "d/b"], &NEW);
    // The same names and sizes; the limit is one file.
    let sent = bench.look(jobs, &[("n/a", "new"), ("n/b", "new")], &["n"]);
    let is_new = |kind: &ChangeKind| matches!(kind, ChangeKind::Write { .. } | ChangeKind::Dir { .. });
    assert!(sent.len() == 3 && sent.iter().all(|(_, kind)| is_new(kind)), "{sent:?}");
    assert_eq!(bench.state.status().held, 2);
}

#[test]
fn a_file_that_comes_back_while_it_is_moved_is_sent_after_that() {
    let mut bench = bench();
    let jobs = bench.found_moved(&["e"], &[("f", Change::Upload)]);
    let sent = bench.look(jobs, &[("f", "old")], &[]);
    assert!(matches!(&sent[..], [(name, ChangeKind::Move { .. })] if name == "f"), "{sent:?}");
    assert_eq!(bench.on(Event::Saved(path("e"))), []);
    let jobs = bench.sent("f", answered(false));
    let sent = bench.look(jobs, &[("e", "old"), ("f", "old")], &[]);
    assert!(matches!(&sent[..], [(name, ChangeKind::Write { .. })] if name == "e"), "{sent:?}");
}

#[test]
fn a_rename_that_a_lost_connection_leaves_open_is_settled_by_what_is_found_there() {
    let mut bench = bench();
    let jobs = bench.found_moved(&["d", "d/a", "d/b"], &NEW);
    bench.look(jobs, &[("n/a", "old"), ("n/b", "old")], &["n"]);
    bench.on(Event::LinkLost);
    bench.sent("n", Outcome::Failed(MirrorError::Link(remora_agent::LostReason::Closed)));
    let digest = Digest::of(b"old");
    assert!(bench.state.records().is_ours(&path("n/a"), &digest, 3, Mtime(1)), "it may be there");
    assert!(bench.state.records().is_ours(&path("d/a"), &digest, 3, Mtime(1)), "and it may not");
}
