//! Owns the shape of `remora runs`. Never acts on it.

use std::net::SocketAddr;

use clap::{Args as ClapArgs, Subcommand};

use super::TargetArgs;

#[derive(Debug, ClapArgs)]
#[command(args_conflicts_with_subcommands = true)]
pub(in crate::cli) struct RunsArgs {
    #[command(flatten)]
    pub(in crate::cli) target: TargetArgs,
    /// One JSON object a line
    #[arg(long)]
    pub(in crate::cli) json: bool,
    #[command(subcommand)]
    pub(in crate::cli) what: Option<RunsCommand>,
}

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum RunsCommand {
    /// Come back to a run: its output, its end, and a port for a debugger
    Attach(RunsAttachArgs),
    /// Print the end of a run's output, up to 1 MiB; of one that has ended nothing is kept after that
    Output(RunArgs),
    /// End a run and all that it started
    Stop(RunArgs),
}

#[derive(Debug, ClapArgs)]
pub(in crate::cli) struct RunsAttachArgs {
    #[command(flatten)]
    pub(in crate::cli) target: TargetArgs,
    /// Where a client connects [default: 127.0.0.1 and a port of the project's own]
    #[arg(long, value_name = "127.0.0.1:PORT")]
    pub(in crate::cli) listen: Option<SocketAddr>,
    /// The run, as `remora runs` prints it, or the beginning of its name
    #[arg(value_name = "RUN")]
    pub(in crate::cli) run: String,
    /// One JSON object a line on standard output
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

#[derive(Debug, ClapArgs)]
pub(in crate::cli) struct RunArgs {
    #[command(flatten)]
    pub(in crate::cli) target: TargetArgs,
    /// The run, as `remora runs` prints it, or the beginning of its name
    #[arg(value_name = "RUN")]
    pub(in crate::cli) run: String,
    /// One JSON object a line on standard output
    #[arg(long)]
    pub(in crate::cli) json: bool,
}
