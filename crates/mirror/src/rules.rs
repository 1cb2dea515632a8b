//! Owns which paths are left out. The one matcher for walks, saves and the watcher. Reads ignore files
//! and looks for the marks of a virtual environment; never decides what to do with what is left.
//!
//! From strongest to weakest: what another mapping has, the `exclude` setting, the `include` setting, `.remoraignore` files (inner before
//! outer), what is left out by default, `.gitignore` files (inner before outer, up to the repository's top), and
//! `.git/info/exclude`. A folder that is left out stays closed to all of them but `include`. The defaults stand above `.gitignore`, because a common pattern such as `!*/`
//! there would otherwise bring `.git` and every virtual environment back in.

mod above;
mod environment;
mod include;

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use ignore::Match;
use ignore::gitignore::{Gitignore, GitignoreBuilder, Glob};
use remora_model::{Policy, RelPath};

use crate::error::MirrorError;
use crate::spelling::Spelling;

use self::above::{Above, read_above};
use self::environment::{is_environment, is_named_like_one};
use self::include::Includes;

/// What nobody wants on the remote: version control, caches, and what editors drop while they save.
/// `4913` is the file by which vim tries whether it may write in a directory.
const DEFAULTS: &[&str] = &[
    ".git",
    ".hg",
    ".svn",
    "__pycache__/",
    "*.pyc",
    "*.pyo",
    "node_modules/",
    ".mypy_cache/",
    ".pytest_cache/",
    ".ruff_cache/",
    ".tox/",
    ".nox/",
    ".DS_Store",
    ".remora-trash",
    "*.swp",
    "*.swo",
    "*.swx",
    "*~",
    ".#*",
    "\\#*#",
    "4913",
    "!4913/",
    ".goutputstream-*",
    "*___jb_tmp___",
    "*___jb_old___",
];

/// The files whose change changes the rules.
const RULE_FILES: &[&[u8]] = &[b".gitignore", b".remoraignore", b"pyvenv.cfg", b"conda-meta"];

/// What decides about a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rule {
    /// A pattern of the `exclude` setting.
    Setting(String),
    /// A pattern of the `include` setting.
    Include(String),
    /// A pattern of the `include` setting may take in something below this folder, which is left out otherwise.
    Leads(String),
    /// A pattern of an ignore file.
    Line {
        /// The file; from the mirrored root if it is below.
        file: PathBuf,
        /// Where in it, counted from 1; nothing if it has changed since.
        line: Option<usize>,
        /// The pattern as it stands there.
        pattern: String,
    },
    /// A pattern that is left out by default.
    Default(String),
    /// A virtual environment: left out by default.
    Environment,
    /// A temporary file of Remora's own.
    Temporary,
    /// Another mapping has this folder, or its place on the remote.
    Elsewhere,
}

/// What a rule says of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// Whether it is left out.
    pub(crate) out: bool,
    pub(crate) rule: Rule,
    /// The folder above that the rule is about, if it is not about the path itself.
    pub(crate) above: Option<RelPath>,
}

impl Verdict {
    fn of(out: bool, rule: Rule) -> Self {
        Self { out, rule, above: None }
    }
}

/// Decides what is left out below one root.
pub(crate) struct Rules {
    root: PathBuf,
    spelling: Spelling,
    elsewhere: Vec<RelPath>,
    exclude: Gitignore,
    include: Includes,
    defaults: Gitignore,
    /// What the ignore files say. A lock and not a message, because walks and saves on several blocking
    /// threads ask for every single file; it is only ever held to look up or to put in.
    loaded: Mutex<Loaded>,
}

#[derive(Default)]
struct Loaded {
    above: Option<Arc<Above>>,
    /// Nothing for those that say nothing, which most do not.
    dirs: HashMap<Option<RelPath>, Option<Arc<DirRules>>>,
}

/// What one directory says of what is in it, and of itself.
struct DirRules {
    /// The directory; nothing for the root.
    dir: Option<RelPath>,
    git: Gitignore,
    remora: Gitignore,
    environment: bool,
}

impl DirRules {
    fn says_nothing(&self) -> bool {
        self.git.is_empty() && self.remora.is_empty() && !self.environment
    }
}

/// The rules of a directory and of all above it.
#[derive(Clone)]
pub(crate) struct Chain {
    /// Outermost first; those that say something.
    dirs: Vec<Arc<DirRules>>,
    /// The outermost directory on the way that is left out and was entered all the same, and the rule for it.
    shut: Option<Arc<(RelPath, Rule)>>,
}

/// A path that is asked about.
#[derive(Clone, Copy)]
struct Asked<'a> {
    path: &'a RelPath,
    is_dir: bool,
    /// Whether what is in a directory may say that it is left out.
    inside: bool,
}

impl<'a> Asked<'a> {
    fn whole(path: &'a RelPath, is_dir: bool) -> Self {
        Self { path, is_dir, inside: true }
    }
}

impl Rules {
    /// # Errors
    /// [`MirrorError::Other`] for a pattern of the policy that can't be understood.
    pub(crate) fn new(root: &Path, policy: &Policy) -> Result<Self, MirrorError> {
        let mut builder = GitignoreBuilder::new("");
        for pattern in &policy.exclude {
            builder.add_line(None, pattern).map_err(|error| MirrorError::Other(error.to_string()))?;
        }
        let exclude = builder.build().map_err(|error| MirrorError::Other(error.to_string()))?;
        let include = Includes::new(&policy.include)?;
        let defaults = gitignore(None, DEFAULTS.iter().copied());
        let elsewhere = policy.elsewhere.clone();
        let spelling = Spelling::new(policy.unicode);
        Ok(Self { root: root.to_owned(), spelling, elsewhere, exclude, include, defaults, loaded: Mutex::default() })
    }

    /// Whether a change of this file may change what is left out.
    pub(crate) fn is_rule_file(path: &RelPath) -> bool {
        RULE_FILES.contains(&path.name())
    }

    /// Reads all ignore files anew when they are next needed.
    pub(crate) fn forget(&self) {
        *self.loaded.lock().unwrap_or_else(PoisonError::into_inner) = Loaded::default();
    }

    /// The rules for what is in the root.
    pub(crate) fn chain(&self) -> Chain {
        Chain { dirs: self.dir_rules(None).into_iter().collect(), shut: None }
    }

    /// The rules for what is in `dir`, which is entered; its own directory's rules are `chain`.
    pub(crate) fn chain_in(&self, chain: &Chain, dir: &RelPath) -> Chain {
        let mut inner = chain.clone();
        inner.dirs.extend(self.dir_rules(Some(dir)));
        if !self.include.leads_nowhere() {
            let taken_in = self.include.takes_in(&dir.to_local(), true, chain.shut.is_some()).is_some();
            inner.shut = if taken_in { None } else { inner.shut.or_else(|| self.shut_by(chain, dir)) };
        }
        inner
    }

    fn shut_by(&self, chain: &Chain, dir: &RelPath) -> Option<Arc<(RelPath, Rule)>> {
        let verdict = self.verdict_of_files(chain, Asked::whole(dir, true)).filter(|verdict| verdict.out)?;
        Some(Arc::new((dir.clone(), verdict.rule)))
    }

    /// Whether `path`, or a directory above it, is left out.
    pub(crate) fn ignores(&self, path: &RelPath, is_dir: bool) -> bool {
        self.verdict_from_the_root(path, is_dir).is_some_and(|(_, verdict)| verdict.out)
    }

    /// Whether `path` is left out, given that its directory, whose rules are `chain`, is entered.
    pub(crate) fn ignores_here(&self, chain: &Chain, path: &RelPath, is_dir: bool) -> bool {
        self.verdict(chain, Asked::whole(path, is_dir)).is_some_and(|verdict| verdict.out)
    }

    /// As [`Rules::ignores_here`], but does not look into a directory: it may still turn out to be left out.
    pub(crate) fn ignores_unopened(&self, chain: &Chain, path: &RelPath, is_dir: bool) -> bool {
        self.verdict(chain, Asked { path, is_dir, inside: false }).is_some_and(|verdict| verdict.out)
    }

    /// What was found in a directory. Most have nothing that says anything, and are known from now on.
    pub(crate) fn learn(&self, dir: Option<&RelPath>, names: impl Iterator<Item = OsString>) {
        let may_be_environment = dir.is_some_and(is_named_like_one);
        let says = |name: OsString| RULE_FILES.contains(&name.as_encoded_bytes());
        if !may_be_environment && !names.into_iter().any(says) {
            self.loaded.lock().unwrap_or_else(PoisonError::into_inner).dirs.insert(dir.cloned(), None);
        }
    }

    /// What decides about `path`, or about the outermost directory above it that is left out, which then comes
    /// along; nothing where no rule says anything.
    pub(crate) fn verdict_from_the_root(&self, path: &RelPath, is_dir: bool) -> Option<(RelPath, Verdict)> {
        let mut chain = self.chain();
        for dir in ancestors(path) {
            if let Some(verdict) = self.verdict(&chain, Asked::whole(&dir, true)).filter(|verdict| verdict.out) {
                return Some((verdict.above.clone().unwrap_or(dir), verdict));
            }
            chain = self.chain_in(&chain, &dir);
        }
        let verdict = self.verdict(&chain, Asked::whole(path, is_dir))?;
        Some((verdict.above.clone().unwrap_or_else(|| path.clone()), verdict))
    }

    fn verdict(&self, chain: &Chain, asked: Asked<'_>) -> Option<Verdict> {
        let Asked { path, is_dir, .. } = asked;
        if path.name().starts_with(b".remora-") && path.name().ends_with(b".tmp") {
            return Some(Verdict::of(true, Rule::Temporary));
        }
        if self.elsewhere.contains(path) {
            return Some(Verdict::of(true, Rule::Elsewhere));
        }
        let local = path.to_local();
        let kept = |rule: fn(String) -> Rule, pattern: &str| Verdict::of(false, rule(pattern.to_owned()));
        let leads = || self.include.leads_through(&local).filter(|_| is_dir).map(|way| kept(Rule::Leads, way));
        decided(self.exclude.matched(&local, is_dir), |glob| Rule::Setting(glob.original().to_owned()))
            .or_else(|| {
                let pattern = self.include.takes_in(&local, is_dir, chain.shut.is_some())?;
                Some(kept(Rule::Include, pattern))
            })
            .or_else(|| {
                let (dir, rule) = &**chain.shut.as_ref()?;
                let shut = Verdict { above: Some(dir.clone()), ..Verdict::of(true, rule.clone()) };
                Some(leads().unwrap_or(shut))
            })
            .or_else(|| {
                let verdict = self.verdict_of_files(chain, asked)?;
                Some(if verdict.out { leads().unwrap_or(verdict) } else { verdict })
            })
    }

    /// What the ignore files and the defaults say, and the mark of a virtual environment.
    fn verdict_of_files(&self, chain: &Chain, Asked { path, is_dir, inside }: Asked<'_>) -> Option<Verdict> {
        let local = path.to_local();
        let below = |dir: &Option<RelPath>| match dir {
            None => local.clone(),
            Some(dir) => local.strip_prefix(dir.to_local()).map_or_else(|_| local.clone(), Path::to_owned),
        };
        let is_environment = || self.dir_rules(Some(path)).is_some_and(|rules| rules.environment);
        let inner_first = || chain.dirs.iter().rev();
        inner_first()
            .find_map(|rules| in_file(&rules.remora, || below(&rules.dir), is_dir))
            .or_else(|| {
                decided(self.defaults.matched(&local, is_dir), |glob| Rule::Default(glob.original().to_owned()))
            })
            .or_else(|| (is_dir && inside && is_environment()).then(|| Verdict::of(true, Rule::Environment)))
            .or_else(|| inner_first().find_map(|rules| in_file(&rules.git, || below(&rules.dir), is_dir)))
            .or_else(|| self.verdict_above(&local, is_dir))
    }

    fn verdict_above(&self, local: &Path, is_dir: bool) -> Option<Verdict> {
        let above = self.above();
        let files = above.git.iter().chain(&above.info_exclude);
        files.into_iter().find_map(|(prefix, rules)| in_file(rules, || prefix.join(local), is_dir))
    }

    /// What the directory says, if anything; `None` stands for the root.
    fn dir_rules(&self, dir: Option<&RelPath>) -> Option<Arc<DirRules>> {
        let key = dir.cloned();
        if let Some(known) = self.loaded.lock().unwrap_or_else(PoisonError::into_inner).dirs.get(&key) {
            return known.clone();
        }
        let place = dir.map_or_else(|| self.root.clone(), |dir| self.spelling.place(&self.root, dir));
        let rules = DirRules {
            dir: key.clone(),
            git: gitignore_file(&place.join(".gitignore")),
            remora: gitignore_file(&place.join(".remoraignore")),
            environment: dir.is_some_and(|dir| is_environment(dir, &place)),
        };
        let rules = (!rules.says_nothing()).then(|| Arc::new(rules));
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        loaded.dirs.insert(key, rules.clone());
        rules
    }

    fn above(&self) -> Arc<Above> {
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        loaded.above.get_or_insert_with(|| Arc::new(read_above(&self.root))).clone()
    }
}

/// The directories above `path`, outermost first.
pub(crate) fn ancestors(path: &RelPath) -> Vec<RelPath> {
    let mut dirs: Vec<RelPath> = std::iter::successors(path.parent(), RelPath::parent).collect();
    dirs.reverse();
    dirs
}

fn decided(found: Match<&Glob>, rule: impl FnOnce(&Glob) -> Rule) -> Option<Verdict> {
    match found {
        Match::None => None,
        Match::Ignore(glob) => Some(Verdict::of(true, rule(glob))),
        Match::Whitelist(glob) => Some(Verdict::of(false, rule(glob))),
    }
}

fn in_file(rules: &Gitignore, path: impl FnOnce() -> PathBuf, is_dir: bool) -> Option<Verdict> {
    if rules.is_empty() {
        return None;
    }
    decided(rules.matched(path(), is_dir), |glob| Rule::Line {
        file: glob.from().unwrap_or(Path::new("")).to_owned(),
        line: None,
        pattern: glob.original().to_owned(),
    })
}

fn gitignore<'a>(from: Option<&Path>, lines: impl IntoIterator<Item = &'a str>) -> Gitignore {
    let mut builder = GitignoreBuilder::new("");
    for line in lines {
        // git passes over a pattern that it does not understand; so do we.
        if let Err(error) = builder.add_line(from.map(Path::to_owned), line) {
            tracing::debug!(%error, line, "an ignore pattern is passed over");
        }
    }
    builder.build().unwrap_or_else(|_| Gitignore::empty())
}

fn gitignore_file(file: &Path) -> Gitignore {
    let Ok(bytes) = fs::read(file) else {
        return Gitignore::empty();
    };
    let text = String::from_utf8_lossy(&bytes);
    gitignore(Some(file), lines_of(&text))
}

/// The lines of an ignore file.
fn lines_of(text: &str) -> impl Iterator<Item = &str> {
    text.trim_start_matches('\u{feff}').lines()
}

/// Where in its file a pattern stands, counted from 1. Of several equal lines the last one counts, as in git.
pub(crate) fn line_of(file: &Path, pattern: &str) -> Option<usize> {
    let bytes = fs::read(file).ok()?;
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = lines_of(&text).collect();
    lines.iter().rposition(|line| *line == pattern || line.trim_end() == pattern).map(|index| index + 1)
}

#[cfg(test)]
mod tests;
