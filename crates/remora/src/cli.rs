//! The command line: the same code as the language server, without an editor. Owns the runtime, the
//! log and the exit status. Never decides what is mirrored or debugged.

mod args;
mod ask;
mod attach;
mod debug;
mod demo;
mod doctor;
mod launch_json;
mod local_terminal;
mod mirror;
mod run;
mod runs;
mod target;
mod target_add;
mod targets;
mod terminal;
mod text_file;
mod trash;
mod voice;

use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser as _;
use tracing_subscriber::EnvFilter;

use args::{Args, Command};

/// The exit status of everything that failed with a fault, except `debug`.
const FAILED: u8 = 1;
/// The exit status of `debug` and `terminal` when Remora failed and not the program, as `docker run` and `env` have it.
const FAILED_TO_RUN: u8 = 125;

/// A thread that has nothing to do ends after this long: each keeps memory, and another is started in no time.
const THREADS_STAY: Duration = Duration::from_secs(1);

/// Runs the program.
#[must_use]
pub fn main() -> ExitCode {
    remora_mirror::keep_few_pools();
    let args = Args::parse();
    log_to_stderr();
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = match runtime.worker_threads(2).thread_keep_alive(THREADS_STAY).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            voice::complain(&format!("Can't start: {error}."));
            return ExitCode::from(FAILED_TO_RUN);
        }
    };
    let status = runtime.block_on(run(args.command));
    // A thread that waits for the terminal or for standard input would hold the runtime back; all that
    // has to be put in order is in order by now.
    runtime.shutdown_background();
    ExitCode::from(status)
}

async fn run(command: Command) -> u8 {
    match command {
        Command::Debug(args) => debug::run(args).await,
        Command::Attach(args) => attach::run(args).await,
        Command::Processes(args) => attach::list(args).await,
        Command::Mirror(args) => mirror::run(args).await,
        Command::Doctor(args) => doctor::run(args).await,
        Command::Terminal(args) => terminal::run(args).await,
        Command::LaunchJson(args) => launch_json::run(args).await,
        Command::Target(command) => targets::run(command).await,
        Command::Trash(command) => trash::run(command).await,
        Command::Runs(args) => runs::run(args).await,
        Command::Demo(args) => demo::run(args).await,
        Command::Lsp => {
            crate::backend::serve(tokio::io::stdin(), tokio::io::stdout(), records_folder()).await;
            0
        }
    }
}

/// Warnings by default; `RUST_LOG` says otherwise. Standard output belongs to the protocol.
fn log_to_stderr() {
    let mut filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("error"));
    if let Ok(discretion) = crate::backend::DISCRETION.parse() {
        filter = filter.add_directive(discretion);
    }
    // An editor shows what comes here as text, and so would have the colours' escapes in it.
    let colours = std::io::stderr().is_terminal();
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(colours).with_writer(std::io::stderr);
    // Only a second call can fail, and there is none.
    let _ = log.try_init();
}

/// Where the records of what is ours on the remotes are kept: the user's cache folder.
#[must_use]
fn records_folder() -> Option<PathBuf> {
    let set = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let cache =
        set("XDG_CACHE_HOME").or_else(|| if cfg!(windows) { set("LOCALAPPDATA") } else { None }).or_else(|| {
            let home = std::env::home_dir().filter(|home| home.is_absolute())?;
            Some(if cfg!(target_os = "macos") { home.join("Library/Caches") } else { home.join(".cache") })
        })?;
    Some(cache.join("remora").join("mirror"))
}
