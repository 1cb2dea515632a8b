//! Owns the shape of the commands about what runs on the remote already. Never acts on it.

use std::net::SocketAddr;

use clap::Args as ClapArgs;

use super::TargetArgs;

#[derive(Debug, ClapArgs)]
pub(in crate::cli) struct AttachArgs {
    #[command(flatten)]
    pub(in crate::cli) target: TargetArgs,
    /// Where a client connects [default: 127.0.0.1 and a port of the project's own]
    #[arg(long, value_name = "127.0.0.1:PORT")]
    pub(in crate::cli) listen: Option<SocketAddr>,
    /// The program listens for a debug client itself, on this port there (ptvsd.enable_attach or debugpy.listen)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..), conflicts_with = "name")]
    pub(in crate::cli) port: Option<u16>,
    /// The one process whose command line has this in it
    #[arg(long, value_name = "TEXT")]
    pub(in crate::cli) name: Option<String>,
    /// The local side wins over remote files that somebody else changed
    #[arg(long)]
    pub(in crate::cli) overwrite: bool,
    /// One JSON object a line on standard output
    #[arg(long)]
    pub(in crate::cli) json: bool,
    /// The number of the process
    #[arg(value_name = "PID", required_unless_present_any = ["port", "name"], conflicts_with_all = ["port", "name"])]
    pub(in crate::cli) pid: Option<u32>,
}

#[derive(Debug, ClapArgs)]
pub(in crate::cli) struct ProcessesArgs {
    #[command(flatten)]
    pub(in crate::cli) target: TargetArgs,
    /// Those of other logins too
    #[arg(long)]
    pub(in crate::cli) all: bool,
    /// One JSON object a line
    #[arg(long)]
    pub(in crate::cli) json: bool,
}
