//! Owns the steps of a sequence: what they are, how they are drawn, and how they stand in a file. Never does one.

use std::ffi::OsStr;
use std::fmt;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use proptest::prelude::{Just, Strategy, prop_oneof};
use proptest::sample::select;

/// How the mirror learns of what is done here, besides the steps that tell it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// Each change is a save.
    Saves,
    /// The watcher sees it.
    Watcher,
    /// It is found by a comparison.
    Comparison,
}

/// One sequence, from two empty folders.
#[derive(Debug, Clone, PartialEq)]
pub struct Case {
    pub delivery: Delivery,
    pub steps: Vec<Step>,
}

/// A verb, the name it is about, if it is about one, and what else it needs.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    pub verb: Verb,
    pub name: PathBuf,
    /// Another name, for those that have two.
    pub other: PathBuf,
    /// Which text, size, mode, …
    pub number: u32,
}

macro_rules! verbs {
    ($($verb:ident $text:literal),* $(,)?) => {
        /// What a step does.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Verb { $($verb),* }
        const VERBS: &[(Verb, &str)] = &[$((Verb::$verb, $text)),*];
    };
}

verbs! {
    // The user, here.
    Write "write", Replace "replace", Burst "burst", Insert "insert", Mkdir "mkdir", Fill "fill", Link "link", Remove "remove",
    Rename "rename", Chmod "chmod", Touch "touch", Ignore "ignore",
    // Somebody else, there.
    TheyWrite "they-write", TheyEdit "they-edit", TheyRemove "they-remove", TheyMkdir "they-mkdir",
    TheyLink "they-link", TheyChmod "they-chmod", TheyCopy "they-copy", TheyRename "they-rename",
    // What the mirror hears, and what happens to it.
    Saved "saved", Rescan "rescan", Settle "settle", Pause "pause", Resume "resume", Restart "restart", Lose "lose",
    Cut "cut", Kill "kill", HoldRequests "hold-requests", HoldReplies "hold-replies", Release "release",
    Overwrite "overwrite", Take "take",
}

impl Verb {
    fn is_about_two(self) -> bool {
        matches!(self, Self::Rename | Self::TheyRename)
    }

    fn is_about_one(self) -> bool {
        let none = [
            Self::Ignore,
            Self::Rescan,
            Self::Settle,
            Self::Pause,
            Self::Resume,
            Self::Restart,
            Self::Lose,
            Self::Cut,
            Self::Kill,
            Self::HoldRequests,
            Self::HoldReplies,
            Self::Release,
            Self::Overwrite,
        ];
        !none.contains(&self)
    }
}

impl Step {
    /// Whether somebody else does it, so that only a comparison can find it.
    pub fn is_theirs(&self) -> bool {
        VERBS.iter().any(|(verb, text)| *verb == self.verb && text.starts_with("they-"))
    }
}

/// Names that collide in every way: files, directories, one below the other, and what is left out.
const COLLIDING: &[&[u8]] =
    &[b"a", b"b", b"d", b"d/a", b"d/b", b"d/e", b"d/e/a", b"d/e/b/c", b"a/x", b"x.log", b"d/x.log", b"d/keep.log"];

/// Names that somebody, somewhere, has.
const ODD: &[&[u8]] = &[
    b"b/\n\"y\" z",
    b" ",
    b"-rf",
    b".hidden",
    b"...",
    b"d/..x",
    "é".as_bytes(),
    "e\u{301}".as_bytes(),
    b"caf\xe9",
    b"caf\xe9/\xff",
    b"it's $(x) `y`",
    b"back\\slash",
    b".remora-notes",
    b"n.pyc",
    b"node_modules/m.js",
    &[b'l'; 255],
    b"/deep/er/and/deep/er",
];

/// Sizes that matter: none, the smallest, equal ones, more than one frame, and more than is held in memory.
pub const SIZES: &[usize] = &[0, 1, 5, 5, 5, 300, 300, 40_000, 1_300_000];

pub fn name_of(bytes: &[u8]) -> PathBuf {
    // The long one stands for a folder with a long name, too.
    let bytes = if bytes.starts_with(b"/") { [&[b'L'; 200], bytes].concat() } else { bytes.to_vec() };
    PathBuf::from(OsStr::from_bytes(&bytes))
}

fn name() -> impl Strategy<Value = PathBuf> {
    prop_oneof![3 => select(COLLIDING), 1 => select(ODD)].prop_map(name_of)
}

/// All sequences.
pub fn case() -> impl Strategy<Value = Case> {
    let delivery = select(&[Delivery::Saves, Delivery::Watcher, Delivery::Comparison][..]);
    let steps = proptest::collection::vec(step(), 1..30);
    (delivery, steps).prop_map(|(delivery, steps)| Case { delivery, steps })
}

fn step() -> impl Strategy<Value = Step> {
    let here = prop_oneof![
        8 => Just(Verb::Write), 2 => Just(Verb::Replace), 1 => Just(Verb::Burst), 1 => Just(Verb::Insert),
        3 => Just(Verb::Mkdir), 3 => Just(Verb::Fill), 3 => Just(Verb::Link), 5 => Just(Verb::Remove), 6 => Just(Verb::Rename),
        2 => Just(Verb::Chmod), 1 => Just(Verb::Touch), 1 => Just(Verb::Ignore),
    ];
    let theirs = prop_oneof![
        3 => Just(Verb::TheyWrite), 1 => Just(Verb::TheyEdit), 2 => Just(Verb::TheyRemove), 1 => Just(Verb::TheyMkdir),
        1 => Just(Verb::TheyLink), 1 => Just(Verb::TheyChmod), 1 => Just(Verb::TheyCopy), 1 => Just(Verb::TheyRename),
    ];
    let mirror = prop_oneof![
        2 => Just(Verb::Saved), 2 => Just(Verb::Rescan), 5 => Just(Verb::Settle), 1 => Just(Verb::Pause),
        2 => Just(Verb::Resume), 2 => Just(Verb::Restart), 1 => Just(Verb::Lose), 1 => Just(Verb::HoldRequests),
        1 => Just(Verb::HoldReplies), 2 => Just(Verb::Release), 1 => Just(Verb::Overwrite), 1 => Just(Verb::Take),
    ];
    // A new agent takes as long as a dozen other steps.
    let costly = prop_oneof![3 => Just(Verb::Cut), 1 => Just(Verb::Kill)];
    let verb = prop_oneof![60 => here, 20 => theirs, 32 => mirror, 1 => costly];
    (verb, name(), name(), 0..10_000_u32).prop_map(|(verb, name, other, number)| {
        // What a verb does not need would only distract the reader of a case.
        let names = if verb.is_about_two() { 2 } else { usize::from(verb.is_about_one()) };
        let none = || PathBuf::from("-");
        let (name, other) = (if names > 0 { name } else { none() }, if names > 1 { other } else { none() });
        Step { verb, name, other, number }
    })
}

/// A name as it stands in a file: what is not plain is written as `%` and two digits.
fn write_name(out: &mut fmt::Formatter<'_>, name: &Path) -> fmt::Result {
    for &byte in name.as_os_str().as_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'_' | b'-' | b'/' => write!(out, "{}", byte as char)?,
            byte => write!(out, "%{byte:02x}")?,
        }
    }
    Ok(())
}

fn read_name(text: &str) -> PathBuf {
    let mut pieces = text.split('%');
    let mut bytes = pieces.next().unwrap_or_default().as_bytes().to_vec();
    for piece in pieces {
        bytes.push(u8::from_str_radix(&piece[..2], 16).unwrap());
        bytes.extend_from_slice(&piece.as_bytes()[2..]);
    }
    PathBuf::from(OsStr::from_bytes(&bytes))
}

impl fmt::Display for Case {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "delivery {:?}", self.delivery)?;
        for step in &self.steps {
            let text = VERBS.iter().find(|(verb, _)| *verb == step.verb).map_or("", |(_, text)| text);
            write!(out, "{text} ")?;
            write_name(out, &step.name)?;
            write!(out, " ")?;
            write_name(out, &step.other)?;
            writeln!(out, " {}", step.number)?;
        }
        Ok(())
    }
}

impl Case {
    /// Reads what [`fmt::Display`] writes; lines that begin with `#` are passed over.
    pub fn read(text: &str) -> Self {
        let mut lines = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
        let delivery = match lines.next() {
            Some("delivery Saves") => Delivery::Saves,
            Some("delivery Watcher") => Delivery::Watcher,
            Some("delivery Comparison") => Delivery::Comparison,
            other => panic!("no delivery: {other:?}"),
        };
        let step = |line: &str| {
            let words: Vec<&str> = line.split(' ').collect();
            let [verb, name, other, number] = words[..] else { panic!("no step: {line:?}") };
            let verb = VERBS.iter().find(|(_, text)| *text == verb).unwrap_or_else(|| panic!("no verb: {line:?}")).0;
            Step { verb, name: read_name(name), other: read_name(other), number: number.parse().unwrap() }
        };
        Self { delivery, steps: lines.map(step).collect() }
    }
}

#[test]
fn a_case_is_read_as_it_was_written() {
    let names = COLLIDING.iter().chain(ODD).map(|bytes| name_of(bytes));
    let steps = names.map(|name| Step { verb: Verb::Rename, other: name.clone(), name, number: 7 }).collect();
    let case = Case { delivery: Delivery::Watcher, steps };
    assert_eq!(Case::read(&case.to_string()), case);
}
