//! Owns the shape of the command line. Never acts on it.

mod attach;
mod runs;

use std::net::SocketAddr;
use std::path::PathBuf;

pub(super) use attach::{AttachArgs, ProcessesArgs};
use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};
use remora_model::{Address, Exposure};
pub(super) use runs::{RunArgs, RunsArgs, RunsAttachArgs, RunsCommand};

/// Edit Python here, debug it there.
#[derive(Debug, Parser)]
#[command(name = "remora", version, about, max_term_width = 100)]
pub(super) struct Args {
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Mirror the project, start a program there under a debugger, and wait for a client
    Debug(DebugArgs),
    /// Mirror the project, and attach a debugger to a program that runs there already
    Attach(AttachArgs),
    /// Print the Python processes there that could be attached to
    Processes(ProcessesArgs),
    /// Bring everything that changed here to the remote
    Mirror(MirrorArgs),
    /// Tell what would fail, why, and the remedy
    Doctor(DoctorArgs),
    /// Open a terminal there in this one
    Terminal(TerminalArgs),
    /// Write the attach configuration into launch.json
    LaunchJson(LaunchJsonArgs),
    /// Find, list and add the places where programs can run
    #[command(subcommand)]
    Target(TargetCommand),
    /// What was replaced or removed on the remote, and bringing it back here
    #[command(subcommand)]
    Trash(TrashCommand),
    /// The detached runs of a target: programs that `debug --detach` started and that go on without it
    Runs(RunsArgs),
    /// Debug a bundled example on a scratch "remote" on this machine
    Demo(DemoArgs),
    /// Serve an editor on standard input and output
    Lsp,
}

/// Which target, and which folders.
#[derive(Debug, Default, Clone, ClapArgs)]
pub(super) struct TargetArgs {
    /// A target of the settings (remora.targets in .vscode/settings.json)
    #[arg(long, value_name = "NAME", conflicts_with_all = ["host", "command", "local", "ssh_config"])]
    pub(super) target: Option<String>,
    #[command(flatten)]
    pub(super) place: PlaceArgs,
}

/// A target that stands in no settings, and what differs from one that does.
#[derive(Debug, Default, Clone, ClapArgs)]
pub(super) struct PlaceArgs {
    /// An SSH host: a name, an alias of ssh_config, or USER@HOST
    #[arg(long, value_name = "HOST", conflicts_with_all = ["command", "local"])]
    pub(super) host: Option<String>,
    /// Another ssh_config than your own
    #[arg(long, value_name = "FILE", requires = "host", conflicts_with_all = ["command", "local"])]
    pub(super) ssh_config: Option<String>,
    /// A command whose standard input and output reach a shell there, such as 'docker exec -i web'
    #[arg(long, value_name = "ARGV", conflicts_with = "local")]
    pub(super) command: Option<String>,
    /// This machine
    #[arg(long)]
    pub(super) local: bool,
    /// The local folder that is mirrored [default: the present one]
    #[arg(long, value_name = "LOCAL_DIR", visible_alias = "project")]
    pub(super) root: Option<PathBuf>,
    /// The remote folder it is mirrored to [default: ~/remora/NAME]
    #[arg(long, value_name = "DIR")]
    pub(super) remote_root: Option<String>,
    /// The interpreter there [default: a venv in the remote folder, else python3]
    #[arg(long, value_name = "PATH")]
    pub(super) python: Option<String>,
    /// What the interpreter runs behind, as a line of shell: 'uv run', or 'module load cuda && exec "$@"'
    #[arg(long, value_name = "LINE")]
    pub(super) prefix: Option<String>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum DebuggerArg {
    Auto,
    Debugpy,
    Ptvsd,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum OnStaleArg {
    /// Its functions get the new text
    Reload,
    /// It goes on as it is
    Keep,
}

#[derive(Debug, ClapArgs)]
pub(super) struct DebugArgs {
    #[command(flatten)]
    pub(super) target: TargetArgs,
    /// Which debugger
    #[arg(long, value_enum)]
    pub(super) debugger: Option<DebuggerArg>,
    /// Where a client connects [default: 127.0.0.1 and a port of the project's own]
    #[arg(long, value_name = "127.0.0.1:PORT")]
    pub(super) listen: Option<SocketAddr>,
    /// How a client gets to the debugger: tunnel (over the connection), direct (it listens on the remote's own addresses) or
    /// reverse (the client listens here, and the program dials it) [default: the target's, or tunnel]
    #[arg(long, value_name = "WAY", value_parser = exposure, conflicts_with = "listen")]
    pub(super) exposure: Option<Exposure>,
    /// What is dialled if it is not the tunnel: the remote, or with `reverse` this machine
    #[arg(long, value_name = "HOST[:PORT]", value_parser = address, conflicts_with = "listen")]
    pub(super) address: Option<Address>,
    /// The program calls ptvsd.enable_attach or debugpy.listen itself (REMOTE_DEBUG=1 is set)
    #[arg(long)]
    pub(super) in_code: bool,
    /// What becomes of the program when a file that it has loaded was changed
    #[arg(long, value_enum, default_value_t = OnStaleArg::Keep)]
    pub(super) on_stale: OnStaleArg,
    /// The account there that the program runs as, through sudo [default: the target's, or the login]
    #[arg(long, value_name = "NAME")]
    pub(super) run_as: Option<String>,
    /// An environment variable for the program; may be repeated
    #[arg(long, value_name = "K=V", value_parser = variable)]
    pub(super) env: Vec<(String, String)>,
    /// The working directory there [default: the remote folder]
    #[arg(long, value_name = "DIR")]
    pub(super) cwd: Option<String>,
    /// The local side wins over remote files that somebody else changed
    #[arg(long)]
    pub(super) overwrite: bool,
    /// One JSON object a line on standard output
    #[arg(long)]
    pub(super) json: bool,
    /// The program goes on when this command, the connection or this machine is gone; `remora runs` finds it again
    #[arg(long, conflicts_with_all = ["exposure", "address"])]
    pub(super) detach: bool,
    /// FILE is a test: FILE, FILE::TEST or FILE:LINE; what follows are pytest's arguments
    #[arg(long, conflicts_with = "in_code")]
    pub(super) pytest: bool,
    /// The program: FILE or -m MODULE, then its arguments
    #[arg(value_name = "FILE|-m MODULE [ARGS]", required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    pub(super) program: Vec<String>,
}

#[derive(Debug, ClapArgs)]
pub(super) struct MirrorArgs {
    #[command(flatten)]
    pub(super) target: TargetArgs,
    /// Go on with every change until interrupted
    #[arg(long, conflicts_with = "dry_run")]
    pub(super) watch: bool,
    /// Only tell what would be done
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Only tell why PATH is mirrored, or not; connects to nothing
    #[arg(long, value_name = "PATH", conflicts_with_all = ["watch", "dry_run", "overwrite", "delete_many", "large_too"])]
    pub(super) explain: Option<PathBuf>,
    /// The local side wins over remote files that somebody else changed
    #[arg(long)]
    pub(super) overwrite: bool,
    /// Remove there what is gone here, however many files that are
    #[arg(long)]
    pub(super) delete_many: bool,
    /// Send files too that are larger than remora.mirror.maxFileMegabytes
    #[arg(long)]
    pub(super) large_too: bool,
    /// One JSON object a line on standard output
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, ClapArgs)]
pub(super) struct DoctorArgs {
    #[command(flatten)]
    pub(super) target: TargetArgs,
    /// Also tell whether this port there can be reached from here
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(super) port: Option<u16>,
    /// One JSON object a line on standard output
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, ClapArgs)]
pub(super) struct TerminalArgs {
    #[command(flatten)]
    pub(super) target: TargetArgs,
    /// The working directory there [default: the remote folder]
    #[arg(long, value_name = "DIR")]
    pub(super) cwd: Option<String>,
    /// Program and arguments [default: the login's shell]
    #[arg(value_name = "COMMAND", last = true)]
    pub(super) program: Vec<String>,
}

#[derive(Debug, ClapArgs)]
pub(super) struct LaunchJsonArgs {
    #[command(flatten)]
    pub(super) target: TargetArgs,
    /// The local port to attach to [default: the project's own]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(super) port: Option<u16>,
    /// The entry's name [default: Remora: TARGET]
    #[arg(long, value_name = "NAME")]
    pub(super) name: Option<String>,
    /// Print the text instead of writing the file
    #[arg(long)]
    pub(super) stdout: bool,
    /// The file [default: .vscode/launch.json in the local folder]
    #[arg(value_name = "FILE")]
    pub(super) file: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(super) enum TargetCommand {
    /// Print the targets of the settings
    List(TargetListArgs),
    /// Print what could become a target: SSH hosts, containers and pods that run, this machine
    Candidates(TargetCandidatesArgs),
    /// Print the interpreters of a target, the likeliest first
    Interpreters(TargetInterpretersArgs),
    /// Write a target into .vscode/settings.json
    Add(TargetAddArgs),
}

#[derive(Debug, ClapArgs)]
pub(super) struct TargetListArgs {
    /// The local folder [default: the present one]
    #[arg(long, value_name = "LOCAL_DIR", visible_alias = "project")]
    pub(super) root: Option<PathBuf>,
    /// One JSON object a line
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, ClapArgs)]
pub(super) struct TargetCandidatesArgs {
    /// One JSON object a line
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, ClapArgs)]
pub(super) struct TargetInterpretersArgs {
    #[command(flatten)]
    pub(super) target: TargetArgs,
    /// One JSON object a line
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, ClapArgs)]
pub(super) struct TargetAddArgs {
    /// What to call it [default: the host, or "local"]
    #[arg(long, value_name = "NAME")]
    pub(super) name: Option<String>,
    #[command(flatten)]
    pub(super) place: PlaceArgs,
    /// Print the text of the settings instead of writing the file
    #[arg(long)]
    pub(super) stdout: bool,
}

#[derive(Debug, Subcommand)]
pub(super) enum TrashCommand {
    /// Print what is kept, the oldest first
    List(TrashListArgs),
    /// Bring a file back here as it was; the mirror takes it there again
    Restore(TrashRestoreArgs),
}

#[derive(Debug, ClapArgs)]
pub(super) struct TrashListArgs {
    #[command(flatten)]
    pub(super) target: TargetArgs,
    /// Only what was kept of this file
    #[arg(value_name = "PATH")]
    pub(super) path: Option<String>,
    /// One JSON object a line
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, ClapArgs)]
pub(super) struct TrashRestoreArgs {
    #[command(flatten)]
    pub(super) target: TargetArgs,
    /// The file, from the mirrored folder
    #[arg(value_name = "PATH")]
    pub(super) path: String,
    /// What was kept at that time, as `list` prints it [default: what was kept last]
    #[arg(long, value_name = "TIME")]
    pub(super) at: Option<String>,
    /// Replace the file that is here
    #[arg(long)]
    pub(super) overwrite: bool,
    /// One JSON object a line
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, ClapArgs)]
pub(super) struct DemoArgs {
    /// One JSON object a line on standard output
    #[arg(long)]
    pub(super) json: bool,
}

fn exposure(text: &str) -> Result<Exposure, String> {
    Exposure::named(text).ok_or_else(|| "there are tunnel, direct and reverse".to_owned())
}

fn address(text: &str) -> Result<Address, String> {
    Address::read(text)
        .ok_or_else(|| "it is written HOST or HOST:PORT, with a name or an address of version 4".to_owned())
}

fn variable(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("an environment variable is written NAME=VALUE".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn debug(args: &[&str]) -> Result<DebugArgs, clap::Error> {
        let all = ["remora", "debug"].iter().chain(args);
        match Args::try_parse_from(all)?.command {
            Command::Debug(args) => Ok(args),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn everything_after_the_program_belongs_to_the_program() {
        let args = debug(&["--local", "--json", "app.py", "--json", "-x", "--", "--local"]).unwrap();
        assert_eq!(args.program, ["app.py", "--json", "-x", "--", "--local"]);
        let args = debug(&["--local", "-m", "pkg.tool", "--root", "x"]).unwrap();
        assert_eq!(args.program, ["-m", "pkg.tool", "--root", "x"]);
        assert!(args.target.place.root.is_none());
    }

    #[test]
    fn a_terminals_command_stands_behind_two_dashes() {
        let parse = |args: &[&str]| match Args::try_parse_from(["remora", "terminal"].iter().chain(args))?.command {
            Command::Terminal(args) => Ok::<_, clap::Error>((args.target.target, args.program)),
            other => panic!("{other:?}"),
        };
        assert_eq!(parse(&["--target", "box"]).unwrap(), (Some("box".to_owned()), Vec::new()));
        let (target, program) = parse(&["--", "ls", "-l", "--target", "--"]).unwrap();
        assert_eq!((target, program.join(" ").as_str()), (None, "ls -l --target --"));
        assert!(parse(&["ls"]).is_err());
    }

    #[test]
    fn wrong_command_lines_are_refused() {
        for wrong in [
            &["--local"][..],
            &["--local", "--host", "box", "a.py"],
            &["--ssh-config", "x", "--local", "a.py"],
            &["--env", "A", "--local", "a.py"],
            &["--listen", "nowhere", "--local", "a.py"],
        ] {
            assert!(debug(wrong).is_err(), "{wrong:?}");
        }
    }
}
