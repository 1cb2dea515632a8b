//! Tables of what is left out.

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

fn owned(patterns: &[&str]) -> Vec<String> {
    patterns.iter().map(ToString::to_string).collect()
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
        &Rules::new(dir.path(), &Policy::default()).unwrap(),
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
        &Rules::new(dir.path(), &Policy::default()).unwrap(),
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
        &Rules::new(dir.path(), &Policy::default()).unwrap(),
        &["x.log", "a/x.log", "top", "build/", "build/x", "a/local", "a/b/local", "!odd"],
        &["a/keep.log", "a/b/keep.log", "a/top", "build", "local", "keep.logs"],
    );
}

#[test]
fn a_pattern_that_keeps_all_directories_brings_no_default_back() {
    let dir = tree(&[(".gitignore", "*\n!*/\n!*.py\n"), ("ve/pyvenv.cfg", "")]);
    let rules = Rules::new(dir.path(), &Policy::default()).unwrap();
    check(&rules, &[".git/", "ve/", "ve/a.py", "x.txt", "__pycache__/"], &["a/", "a/b.py"]);
}

#[test]
fn the_remora_file_and_the_setting_stand_above_all() {
    let dir = tree(&[
        (".gitignore", "*.env\nsecret\n"),
        (".remoraignore", "!prod.env\n!node_modules/\n*.csv\n"),
        ("data/.remoraignore", "!small.csv\n"),
    ]);
    let excluding = |patterns: &[&str]| Policy { exclude: owned(patterns), ..Policy::default() };
    let rules = Rules::new(dir.path(), &excluding(&["/docs/", "!b.env"])).unwrap();
    check(
        &rules,
        &["a.env", "secret", "x.csv", "data/x.csv", "docs/", "docs/a"],
        &["prod.env", "node_modules/", "data/small.csv", "a/docs/", "b.env"],
    );
    assert!(matches!(Rules::new(dir.path(), &excluding(&["[z-a]"])), Err(MirrorError::Other(_))));
}

#[test]
fn no_setting_takes_in_what_another_mapping_has() {
    let dir = tree(&[(".remoraignore", "!src/\n")]);
    let elsewhere = vec![RelPath::new("src").unwrap(), RelPath::new("vendor/lib").unwrap()];
    let policy = Policy { include: owned(&["src/**", "vendor/lib/*.py"]), elsewhere, ..Policy::default() };
    let rules = Rules::new(dir.path(), &policy).unwrap();
    check(
        &rules,
        &["src/", "src/a.py", "vendor/lib", "vendor/lib/a.py"],
        &["a/src/", "src2", "vendor/", "vendor/a.py"],
    );
}

#[test]
fn an_include_brings_back_what_is_left_out_and_nothing_beside_it() {
    let dir = tree(&[
        (".gitignore", "build/\n*.log\ndist\n"),
        (".remoraignore", "*.bin\n"),
        ("build/assets/.gitignore", "*\n"),
        (".venv/bin/python", ""),
        ("package/dist/", ""),
    ]);
    let include = ["build/assets/**", "/.venv/lib/*/mine", "keep.log", "*.bin", "package/dist/", "other/*/out"];
    let policy =
        Policy { include: owned(&include), exclude: owned(&["*.tmp", "/build/assets/raw/"]), ..Policy::default() };
    let rules = Rules::new(dir.path(), &policy).unwrap();
    check(
        &rules,
        &[
            "build/x",
            "build/keep.log",
            "build/a.bin",
            "build/deep/",
            "build/assets/a.tmp",
            "build/assets/raw/",
            "build/assets/raw/x",
            "x/build/",
            "x/build/assets/x",
            ".venv/bin/",
            ".venv/bin/python",
            ".venv/lib/p/other",
            "a.log",
            "dist/",
            "other/dist/x",
            "y/dist/",
            ".git/",
            ".remora-1.tmp",
        ],
        &[
            "build/",
            "build/assets/",
            "build/assets/a",
            "build/assets/deep/",
            "build/assets/deep/a.log",
            ".venv/",
            ".venv/lib/",
            ".venv/lib/p/",
            ".venv/lib/p/mine",
            ".venv/lib/p/mine/x.pyc",
            "keep.log",
            "x/keep.log",
            "a.bin",
            "package/dist/",
            "package/dist/x.log",
            "other/",
            "other/dist/",
            "other/y",
        ],
    );
    assert!(matches!(
        Rules::new(dir.path(), &Policy { include: owned(&["a/[z-a]"]), ..policy }),
        Err(MirrorError::Other(_))
    ));
}

#[test]
fn a_root_inside_a_repository_obeys_the_files_above_it() {
    let dir = tree(&[
        (".gitignore", "*.tmp\n/app/gen\n/app\n"),
        (".git/info/exclude", "private\n"),
        ("app/web/x", ""),
        ("app/.gitignore", "!a.tmp\n"),
    ]);
    let rules = Rules::new(&dir.path().join("app/web"), &Policy::default()).unwrap();
    check(&rules, &["b.tmp", "private", "x/private"], &["a.tmp", "gen", "x"]);
}

#[test]
fn names_that_are_not_text_are_matched_too() {
    let dir = tree(&[(".gitignore", "*.log\n")]);
    let rules = Rules::new(dir.path(), &Policy::default()).unwrap();
    assert!(rules.ignores(&RelPath::new(&b"caf\xe9.log"[..]).unwrap(), false));
    assert!(!rules.ignores(&RelPath::new(&b"caf\xe9.py"[..]).unwrap(), false));
}

#[test]
fn changed_rules_count_after_forgetting() {
    let dir = tree(&[(".gitignore", "a\n")]);
    let rules = Rules::new(dir.path(), &Policy::default()).unwrap();
    check(&rules, &["a"], &["b"]);
    fs::write(dir.path().join(".gitignore"), "b\n").unwrap();
    rules.forget();
    check(&rules, &["b"], &["a"]);
}
