//! Makes the archives of the pinned debuggers with `wheels/fetch.py`, for `src/wheels.rs` to embed.

use std::path::PathBuf;
use std::process::Command;
use std::{env, io};

fn main() {
    for watched in ["wheels", "py"] {
        println!("cargo:rerun-if-changed={watched}");
    }
    println!("cargo:rerun-if-env-changed=REMORA_WHEELS");
    if let Err(message) = fetch() {
        eprintln!("remora-debug needs the pinned debuggers that it embeds:\n{message}");
        std::process::exit(1);
    }
}

fn fetch() -> Result<(), String> {
    let out_dir = env::var_os("OUT_DIR").map(PathBuf::from).ok_or("OUT_DIR is not set")?;
    for python in ["python3", "python"] {
        match Command::new(python).arg("wheels/fetch.py").arg(&out_dir).output() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(format!("can't run {python}: {error}")),
            Ok(done) => {
                print!("{}", String::from_utf8_lossy(&done.stdout));
                let said = String::from_utf8_lossy(&done.stderr).into_owned();
                return if done.status.success() { Ok(()) } else { Err(said) };
            }
        }
    }
    Err("neither python3 nor python is in PATH; install Python 3 (only the build needs it here)".into())
}
