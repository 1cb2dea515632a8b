//! Owns which paths are left out. The one matcher for walks, saves and the watcher. Reads ignore files
//! and looks for the marks of a virtual environment; never decides what to do with what is left.
//!
//! From strongest to weakest: the `exclude` setting, `.remoraignore` files (inner before outer), what is
//! left out by default, `.gitignore` files (inner before outer, up to the repository's top), and
//! `.git/info/exclude`. The defaults stand above `.gitignore`, because a common pattern such as `!*/`
//! there would otherwise bring `.git` and every virtual environment back in.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use ignore::Match;
use ignore::gitignore::{Gitignore, GitignoreBuilder};
use remora_model::RelPath;

use crate::error::MirrorError;

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

/// Names of a virtual environment that need only an interpreter inside to be one.
const ENVIRONMENT_NAMES: &[&[u8]] = &[b".venv", b"venv", b"env", b".env", b"virtualenv"];

/// The files whose change changes the rules.
const RULE_FILES: &[&[u8]] = &[b".gitignore", b".remoraignore", b"pyvenv.cfg", b"conda-meta"];

/// Decides what is left out below one root.
pub(crate) struct Rules {
    root: PathBuf,
    exclude: Gitignore,
    defaults: Gitignore,
    /// What the ignore files say. A lock and not a message, because walks and saves on several blocking
    /// threads ask for every single file; it is only ever held to look up or to put in.
    loaded: Mutex<Loaded>,
}

#[derive(Default)]
struct Loaded {
    above: Option<Arc<Above>>,
    dirs: HashMap<Option<RelPath>, Arc<DirRules>>,
}

/// What the repository around the root says: ignore files above the root, innermost first, each with
/// the root's path below it, and `.git/info/exclude`.
#[derive(Default)]
struct Above {
    git: Vec<(PathBuf, Gitignore)>,
    info_exclude: Option<(PathBuf, Gitignore)>,
}

/// What one directory says of what is in it, and of itself.
pub(crate) struct DirRules {
    /// The directory; nothing for the root.
    dir: Option<RelPath>,
    git: Gitignore,
    remora: Gitignore,
    environment: bool,
}

/// The rules of a directory and of all above it, outermost first.
pub(crate) type Chain = Vec<Arc<DirRules>>;

impl Rules {
    /// # Errors
    /// [`MirrorError::Other`] for a pattern of `exclude` that can't be understood.
    pub(crate) fn new(root: &Path, exclude: &[String]) -> Result<Self, MirrorError> {
        let mut builder = GitignoreBuilder::new("");
        for pattern in exclude {
            builder.add_line(None, pattern).map_err(|error| MirrorError::Other(error.to_string()))?;
        }
        let exclude = builder.build().map_err(|error| MirrorError::Other(error.to_string()))?;
        let defaults = gitignore(DEFAULTS.iter().copied());
        Ok(Self { root: root.to_owned(), exclude, defaults, loaded: Mutex::default() })
    }

    /// Whether a change of this file may change what is left out.
    pub(crate) fn is_rule_file(path: &RelPath) -> bool {
        RULE_FILES.contains(&path.name())
    }

    /// Reads all ignore files anew when they are next needed.
    pub(crate) fn forget(&self) {
        *self.loaded.lock().unwrap_or_else(PoisonError::into_inner) = Loaded::default();
    }

    /// Whether `path`, or a directory above it, is left out.
    pub(crate) fn ignores(&self, path: &RelPath, is_dir: bool) -> bool {
        let mut chain = vec![self.dir_rules(None)];
        for dir in ancestors(path) {
            if self.ignores_here(&chain, &dir, true) {
                return true;
            }
            chain.push(self.dir_rules(Some(&dir)));
        }
        self.ignores_here(&chain, path, is_dir)
    }

    /// Whether `path` is left out, given that its directory, whose rules end `chain`, is not.
    pub(crate) fn ignores_here(&self, chain: &[Arc<DirRules>], path: &RelPath, is_dir: bool) -> bool {
        if path.name().starts_with(b".remora-") && path.name().ends_with(b".tmp") {
            return true;
        }
        let local = path.to_local();
        let below = |dir: &Option<RelPath>| match dir {
            None => local.clone(),
            Some(dir) => local.strip_prefix(dir.to_local()).map_or_else(|_| local.clone(), Path::to_owned),
        };
        let verdict = decided(self.exclude.matched(&local, is_dir))
            .or_else(|| chain.iter().rev().find_map(|rules| in_file(&rules.remora, || below(&rules.dir), is_dir)))
            .or_else(|| decided(self.defaults.matched(&local, is_dir)))
            .or_else(|| (is_dir && self.dir_rules(Some(path)).environment).then_some(true))
            .or_else(|| chain.iter().rev().find_map(|rules| in_file(&rules.git, || below(&rules.dir), is_dir)));
        verdict.unwrap_or_else(|| self.ignored_above(&local, is_dir))
    }

    fn ignored_above(&self, local: &Path, is_dir: bool) -> bool {
        let above = self.above();
        let files = above.git.iter().chain(&above.info_exclude);
        files.into_iter().find_map(|(prefix, rules)| in_file(rules, || prefix.join(local), is_dir)).unwrap_or(false)
    }

    /// What the directory says; nothing stands for the root.
    pub(crate) fn dir_rules(&self, dir: Option<&RelPath>) -> Arc<DirRules> {
        let key = dir.cloned();
        if let Some(known) = self.loaded.lock().unwrap_or_else(PoisonError::into_inner).dirs.get(&key) {
            return known.clone();
        }
        let place = dir.map_or_else(|| self.root.clone(), |dir| self.root.join(dir.to_local()));
        let rules = Arc::new(DirRules {
            dir: key.clone(),
            git: gitignore_file(&place.join(".gitignore")),
            remora: gitignore_file(&place.join(".remoraignore")),
            environment: dir.is_some_and(|dir| is_environment(dir, &place)),
        });
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

fn decided<T>(verdict: Match<T>) -> Option<bool> {
    match verdict {
        Match::None => None,
        Match::Ignore(_) => Some(true),
        Match::Whitelist(_) => Some(false),
    }
}

fn in_file(rules: &Gitignore, path: impl FnOnce() -> PathBuf, is_dir: bool) -> Option<bool> {
    if rules.is_empty() { None } else { decided(rules.matched(path(), is_dir)) }
}

fn gitignore<'a>(lines: impl IntoIterator<Item = &'a str>) -> Gitignore {
    let mut builder = GitignoreBuilder::new("");
    for line in lines {
        // git passes over a pattern that it does not understand; so do we.
        if let Err(error) = builder.add_line(None, line) {
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
    gitignore(text.trim_start_matches('\u{feff}').lines())
}

fn read_above(root: &Path) -> Above {
    let Some(top) = root.ancestors().find(|dir| dir.join(".git").exists()) else {
        return Above::default();
    };
    let prefix = |dir: &Path| root.strip_prefix(dir).map(Path::to_owned).unwrap_or_default();
    let between = root.ancestors().skip(1).take_while(|dir| dir.starts_with(top));
    let git = between.map(|dir| (prefix(dir), gitignore_file(&dir.join(".gitignore")))).collect();
    let info_exclude = Some((prefix(top), gitignore_file(&top.join(".git/info/exclude"))));
    Above { git, info_exclude }
}

fn is_environment(dir: &RelPath, place: &Path) -> bool {
    let interpreter = || ["bin/python", "Scripts/python.exe"].iter().any(|name| place.join(name).exists());
    place.join("pyvenv.cfg").exists()
        || place.join("conda-meta").is_dir()
        || (ENVIRONMENT_NAMES.contains(&dir.name()) && interpreter())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> RelPath {
        RelPath::new(text).unwrap()
    }

    /// A tree of (path, text) pairs; a path that ends in `/` is a directory.
    fn tree(files: &[(&str, &str)]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let place = dir.path().join(name);
            if name.ends_with('/') {
                fs::create_dir_all(place).unwrap();
            } else {
                fs::create_dir_all(place.parent().unwrap()).unwrap();
                fs::write(place, text).unwrap();
            }
        }
        dir
    }

    fn check(rules: &Rules, ignored: &[&str], kept: &[&str]) {
        let ignores = |name: &str| rules.ignores(&path(name.trim_end_matches('/')), name.ends_with('/'));
        for name in ignored {
            assert!(ignores(name), "{name} should be left out");
        }
        for name in kept {
            assert!(!ignores(name), "{name} should be kept");
        }
    }

    #[test]
    fn the_defaults_leave_out_what_nobody_wants_there() {
        let dir = tree(&[]);
        check(
            &Rules::new(dir.path(), &[]).unwrap(),
            &[
                ".git/",
                ".git/config",
                ".hg/",
                ".svn/",
                "a/__pycache__/",
                "a/__pycache__/x.pyc",
                "x.pyc",
                "node_modules/",
                "node_modules/a/b.js",
                ".mypy_cache/",
                ".pytest_cache/",
                ".tox/",
                "a/.remora-abc.tmp",
                ".a.py.swp",
                "a.py~",
                "4913",
                "a/#x#",
                ".#x",
            ],
            &[
                "a.py",
                "venv/",
                "env/",
                "4913/",
                ".env",
                ".vscode/settings.json",
                "a/.gitignore",
                "git",
                "x.remora-1.tmp",
                "tests/",
            ],
        );
    }

    #[test]
    fn a_virtual_environment_is_known_by_what_is_in_it() {
        let dir = tree(&[
            ("made/pyvenv.cfg", ""),
            (".venv/bin/python", ""),
            ("env/settings.py", ""),
            ("tools/bin/python", ""),
            ("conda/conda-meta/", ""),
        ]);
        check(
            &Rules::new(dir.path(), &[]).unwrap(),
            &["made/", "made/lib/x.py", ".venv/", ".venv/x", "conda/", "conda/x"],
            &["env/", "env/settings.py", "tools/", "tools/bin/python", "made"],
        );
    }

    #[test]
    fn nested_ignore_files_work_as_in_git_and_need_no_repository() {
        let dir = tree(&[
            (".gitignore", "\u{feff}*.log\n/top\nbuild/\n# comment\n\\!odd\n"),
            ("a/.gitignore", "!keep.log\nlocal\n"),
            ("build/.gitignore", "!*\n"),
        ]);
        check(
            &Rules::new(dir.path(), &[]).unwrap(),
            &["x.log", "a/x.log", "top", "build/", "build/x", "a/local", "a/b/local", "!odd"],
            &["a/keep.log", "a/b/keep.log", "a/top", "build", "local", "keep.logs"],
        );
    }

    #[test]
    fn a_pattern_that_keeps_all_directories_brings_no_default_back() {
        let dir = tree(&[(".gitignore", "*\n!*/\n!*.py\n"), ("ve/pyvenv.cfg", "")]);
        let rules = Rules::new(dir.path(), &[]).unwrap();
        check(&rules, &[".git/", "ve/", "ve/a.py", "x.txt", "__pycache__/"], &["a/", "a/b.py"]);
    }

    #[test]
    fn the_remora_file_and_the_setting_stand_above_all() {
        let dir = tree(&[
            (".gitignore", "*.env\nsecret\n"),
            (".remoraignore", "!prod.env\n!node_modules/\n*.csv\n"),
            ("data/.remoraignore", "!small.csv\n"),
        ]);
        let rules = Rules::new(dir.path(), &["/docs/".into(), "!b.env".into()]).unwrap();
        check(
            &rules,
            &["a.env", "secret", "x.csv", "data/x.csv", "docs/", "docs/a"],
            &["prod.env", "node_modules/", "data/small.csv", "a/docs/", "b.env"],
        );
        assert!(matches!(Rules::new(dir.path(), &["[z-a]".into()]), Err(MirrorError::Other(_))));
    }

    #[test]
    fn a_root_inside_a_repository_obeys_the_files_above_it() {
        let dir = tree(&[
            (".gitignore", "*.tmp\n/app/gen\n/app\n"),
            (".git/info/exclude", "private\n"),
            ("app/web/x", ""),
            ("app/.gitignore", "!a.tmp\n"),
        ]);
        let rules = Rules::new(&dir.path().join("app/web"), &[]).unwrap();
        check(&rules, &["b.tmp", "private", "x/private"], &["a.tmp", "gen", "x"]);
    }

    #[test]
    fn names_that_are_not_text_are_matched_too() {
        let dir = tree(&[(".gitignore", "*.log\n")]);
        let rules = Rules::new(dir.path(), &[]).unwrap();
        assert!(rules.ignores(&RelPath::new(&b"caf\xe9.log"[..]).unwrap(), false));
        assert!(!rules.ignores(&RelPath::new(&b"caf\xe9.py"[..]).unwrap(), false));
    }

    #[test]
    fn changed_rules_count_after_forgetting() {
        let dir = tree(&[(".gitignore", "a\n")]);
        let rules = Rules::new(dir.path(), &[]).unwrap();
        check(&rules, &["a"], &["b"]);
        fs::write(dir.path().join(".gitignore"), "b\n").unwrap();
        rules.forget();
        check(&rules, &["b"], &["a"]);
    }
}
