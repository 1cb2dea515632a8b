//! Owns what a virtual environment is known by. Never decides whether one is left out.

use std::path::Path;

use remora_model::RelPath;

/// Names of a virtual environment that need only an interpreter inside to be one.
const ENVIRONMENT_NAMES: &[&[u8]] = &[b".venv", b"venv", b"env", b".env", b"virtualenv"];

/// Whether the directory `dir`, which is at `place`, is a virtual environment.
pub(super) fn is_environment(dir: &RelPath, place: &Path) -> bool {
    let interpreter = || ["bin/python", "Scripts/python.exe"].iter().any(|name| place.join(name).exists());
    place.join("pyvenv.cfg").exists() || place.join("conda-meta").is_dir() || (is_named_like_one(dir) && interpreter())
}

/// Whether an interpreter inside would be enough for it to be one.
pub(super) fn is_named_like_one(dir: &RelPath) -> bool {
    ENVIRONMENT_NAMES.contains(&dir.name())
}
