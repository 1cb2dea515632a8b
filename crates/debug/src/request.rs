//! Owns what a debug start is asked for, as data. Never decides anything.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use remora_agent::{LostReason, TtySize};
use remora_model::{Debugger, LocalPath, Prefix, RemotePath, RemotePort};
use serde_json::Value;

use crate::cause::Cause;
use crate::configuration::Terms;

/// What to run under the debugger, and how.
#[derive(Debug, Clone)]
pub struct Request {
    /// What to run.
    pub program: Program,
    /// Its arguments.
    pub args: Vec<String>,
    /// Its working directory: absolute, below the home folder (`~/`) or relative to the remote root, which it is by default.
    pub cwd: Option<String>,
    /// Environment variables added to the login's.
    pub env: BTreeMap<String, String>,
    /// The interpreter: a path (absolute, `~/…` or relative to the remote root) or a name looked up in
    /// `PATH` there. Without it, one is looked for.
    pub python: Option<String>,
    /// What the interpreter runs behind.
    pub prefix: Prefix,
    /// Which debugger.
    pub debugger: Debugger,
    /// Whether the program itself calls `ptvsd.enable_attach` or `debugpy.listen`.
    pub in_code: bool,
    /// Whether steps stay out of libraries.
    pub just_my_code: bool,
    /// Whether child processes are debugged too.
    pub sub_process: bool,
    /// The folder there that the program belongs to.
    pub remote_root: RemotePath,
    /// Which folder here is which there; one within another comes before it.
    pub mappings: Vec<Mapping>,
    /// The name of the attach configuration.
    pub name: String,
    /// Where a client here may connect.
    pub listen: Listen,
    /// How a client that is told a port gets to the debugger.
    pub exposed: Exposed,
    /// The size of the terminal that the program runs on, if it is to have one: what it writes is shown there then, and
    /// not told to its client.
    pub terminal: Option<TtySize>,
    /// Whether the debugger is asked at each stop before its client asks, so that a step takes one round trip.
    pub foresight: bool,
    /// Whether it runs as another account than the login: the link is to an agent of that account, made for this session alone,
    /// and ends with it. Python leaves nothing in the project then, which only that account could remove.
    pub other_account: bool,
    /// How a client of this session is told something.
    pub words: Words,
    /// Whether it goes on when its clients, the link and we have gone: what is shown of it then.
    pub detach: Option<Value>,
}

impl Request {
    /// What its clients are told.
    pub(crate) fn terms(&self) -> Terms {
        Terms {
            name: self.name.clone(),
            mappings: self.mappings.clone(),
            just_my_code: self.just_my_code,
            sub_process: self.sub_process,
        }
    }
}

/// A folder here, and the one there that mirrors it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mapping {
    /// Here.
    pub local_root: LocalPath,
    /// There, canonical.
    pub remote_root: RemotePath,
}

/// What to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Program {
    /// A file: relative to the remote root, or absolute there.
    File(String),
    /// A module, as after `-m`.
    Module(String),
    /// A process that runs already, and goes on when its session is over.
    Process(u32),
    /// Likewise one that listens for its client by itself, on this port of loopback there.
    Listener(RemotePort),
}

impl Program {
    /// Whether it runs already: then the session is its client's, and it is let go at the end.
    #[must_use]
    pub fn runs_already(&self) -> bool {
        matches!(self, Self::Process(_) | Self::Listener(_))
    }
}

/// Where a client here may connect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listen {
    /// A TCP port.
    Port {
        /// The address to listen on.
        host: IpAddr,
        /// The port; 0 for any.
        port: u16,
        /// Whether the user named the port: if so a taken one is a fault, else the next free one is used.
        exact: bool,
    },
    /// A socket that only this user may open: a Unix socket, or a named pipe on Windows.
    Socket,
}

/// How a client that is told a port gets to the debugger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Exposed {
    /// Not at all: it comes through the relay, over the link.
    No,
    /// The debugger listens on all addresses of the remote.
    Direct {
        /// What a client dials.
        at: Place,
        /// Where clients come from, as the remote sees it: it takes no others, except of its own user on its own machine.
        from: IpAddr,
    },
    /// The client listens, and the program dials it.
    Reverse {
        /// What the program dials.
        at: Place,
        /// Where the client listens, on the same port.
        listen: IpAddr,
    },
}

/// A host and a port of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Its name or address.
    pub host: String,
    /// The port.
    pub port: u16,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

/// Where a session listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Endpoint {
    /// A TCP port.
    Port(SocketAddr),
    /// The path of a Unix socket, or the name of a named pipe.
    Socket(PathBuf),
    /// Not on this machine: the debugger itself listens there.
    There(Place),
    /// Nowhere: the program dials the client, which listens here.
    Client(Place),
}

impl Endpoint {
    /// The host and port that a client connects to, or listens on; none for a socket.
    #[must_use]
    pub fn place(&self) -> Option<Place> {
        match self {
            Self::Port(address) => Some(Place { host: address.ip().to_string(), port: address.port() }),
            Self::There(place) | Self::Client(place) => Some(place.clone()),
            Self::Socket(_) => None,
        }
    }

    /// The path or name, if it is none.
    #[must_use]
    pub fn socket(&self) -> Option<&Path> {
        if let Self::Socket(path) = self { Some(path) } else { None }
    }
}

/// How the text that a process runs, or would run, is not what stands here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Difference {
    /// The process has loaded another text; the remote file is as it is here.
    Outdated,
    /// The process has loaded another text, and the remote file is not as it is here either.
    Behind,
    /// The process has loaded what is here; the remote file was changed since.
    ChangedThere,
    /// The process has not loaded the file; what stands there is not what is here.
    OtherThere,
    /// The process has not loaded the file, and there is none that it could.
    MissingThere,
    /// The process has loaded the module from another file.
    Elsewhere {
        /// The module's name.
        module: String,
        /// The file there.
        from: String,
    },
    /// The frame goes on with the text from before the file was reloaded.
    Replaced,
    /// Python took what it had compiled of another text for that of the file.
    Compiled,
}

/// What a client of a session is told in words; see [`Words`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// To a second client: there is one already.
    Taken,
    /// To requests that come after the program's end.
    Over,
    /// The program was ended by this signal.
    Signal(i32),
    /// The link was lost.
    Lost(LostReason),
    /// The link was lost; the run of that name goes on.
    Adrift(LostReason, String),
    /// The debugger has left the program, which runs on.
    StillRuns,
    /// The program goes on without its client, as the run of that name.
    Held(String),
    /// So many bytes of output are not shown: they came while no client was there, and were too many to keep.
    Omitted(usize),
    /// Why a breakpoint or a frame can't be trusted.
    Reason(Difference),
    /// Why a breakpoint does not stop the program where it was set, for another reason than its text.
    Cause(Cause),
    /// That the lines of a file can't be trusted, why, and what to do about it.
    Differs {
        /// What a person calls the file.
        file: String,
        /// Why.
        difference: Difference,
    },
}

/// Words a [`Notice`]: sentences are the business of whoever shows them.
pub type Words = fn(&Notice) -> String;
