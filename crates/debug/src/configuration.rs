//! Owns the attach configuration that an editor needs, and the port it names. Pure.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use remora_model::LocalPath;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::debug_type::DebugType;
use crate::request::{Endpoint, Mapping, Place};

/// First of the ports that [`stable_port`] may choose.
const FIRST_PORT: u16 = 20_000;

/// One past the last of them. Linux hands out ports from 32768 on (`ip_local_port_range`), and a client that
/// dials such a port again and again can connect to itself.
const END_PORT: u16 = 32_768;

/// The port for a project on a target: the same from run to run, so that a committed `launch.json` stays
/// right, and most likely another one for another project.
#[must_use]
pub fn stable_port(local_root: &LocalPath, target: &str) -> u16 {
    let mut hash = Sha256::new();
    hash.update(local_root.as_path().to_string_lossy().as_bytes());
    hash.update([0]);
    hash.update(target.as_bytes());
    let digest = hash.finalize();
    let number = u16::from_be_bytes([digest[0], digest[1]]);
    FIRST_PORT + number % (END_PORT - FIRST_PORT)
}

/// How a client and a debugger meet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Meeting {
    /// The client connects there.
    Connect(Place),
    /// The client listens there, and the program dials it.
    Listen(Place),
}

/// What an attach configuration says.
#[derive(Debug, Clone)]
pub struct Attach<'a> {
    /// The entry's name; an entry is found again by it.
    pub name: &'a str,
    /// Its type.
    pub debug_type: DebugType,
    /// How they meet.
    pub meeting: Meeting,
    /// Which folder here is which there; a debugger takes the first that fits.
    pub mappings: &'a [Mapping],
    /// Whether steps stay out of libraries.
    pub just_my_code: bool,
    /// Whether child processes are debugged too.
    pub sub_process: bool,
    /// What the program itself asked for.
    pub secret: Option<&'a str>,
}

impl Attach<'_> {
    /// The configuration as it stands in `launch.json`.
    #[must_use]
    pub fn configuration(&self) -> Value {
        let (verb, place) = match &self.meeting {
            Meeting::Connect(place) => ("connect", place),
            Meeting::Listen(place) => ("listen", place),
        };
        let mut entry = json!({
            "name": self.name,
            "type": self.debug_type.name(),
            "request": "attach",
            verb: { "host": place.host, "port": place.port },
            "pathMappings": path_mappings(self.mappings),
            "justMyCode": self.just_my_code,
            "subProcess": self.sub_process,
        });
        if let Some(secret) = self.secret {
            entry["secret"] = json!(secret);
        }
        entry
    }
}

fn path_mappings(mappings: &[Mapping]) -> Value {
    let mapping = |mapping: &Mapping| json!({ "localRoot": mapping.local_root.to_string(), "remoteRoot": mapping.remote_root.to_string() });
    mappings.iter().map(mapping).collect()
}

/// What the clients of a session are told, whichever way they come.
#[derive(Debug, Clone)]
pub(crate) struct Terms {
    pub(crate) name: String,
    pub(crate) mappings: Vec<Mapping>,
    pub(crate) just_my_code: bool,
    pub(crate) sub_process: bool,
}

/// The attach configuration for a client that connects to `endpoint`; `secret` is what the program itself
/// asked for.
pub(crate) fn attach_configuration(terms: &Terms, endpoint: &Endpoint, secret: Option<&str>) -> Value {
    let meeting = match endpoint {
        Endpoint::Port(address) => {
            Meeting::Connect(Place { host: reachable(address.ip()).to_string(), port: address.port() })
        }
        Endpoint::There(place) => Meeting::Connect(place.clone()),
        Endpoint::Client(place) => Meeting::Listen(place.clone()),
        Endpoint::Socket(path) => {
            let mut entry = attach_arguments(terms);
            entry["socket"] = json!(path);
            return entry;
        }
    };
    let attach = Attach {
        name: &terms.name,
        debug_type: DebugType::default(),
        meeting,
        mappings: &terms.mappings,
        just_my_code: terms.just_my_code,
        sub_process: terms.sub_process,
        secret,
    };
    attach.configuration()
}

/// What a debugger has to be told to be attached to.
pub(crate) fn attach_arguments(terms: &Terms) -> Value {
    json!({
        "name": terms.name,
        "type": "remora",
        "request": "attach",
        "pathMappings": path_mappings(&terms.mappings),
        "justMyCode": terms.just_my_code,
        "subProcess": terms.sub_process,
    })
}

/// An address that can be connected to: "all interfaces" is none.
fn reachable(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    }
}

#[cfg(test)]
mod tests {
    use remora_model::RemotePath;

    use super::*;

    fn mapping(local: &str, remote: &str) -> Mapping {
        let local_root = LocalPath::new(std::env::temp_dir().join(local)).unwrap();
        Mapping { local_root, remote_root: RemotePath::new(remote).unwrap() }
    }

    fn terms() -> Terms {
        Terms {
            name: "Remora: app".into(),
            mappings: vec![mapping("lib", "/usr/lib/own"), mapping("", "/srv/app")],
            just_my_code: true,
            sub_process: true,
        }
    }

    #[test]
    fn the_address_stands_below_connect_and_never_at_the_top() {
        let entry = attach_configuration(&terms(), &Endpoint::Port(([127, 0, 0, 1], 20_001).into()), None);
        assert_eq!(entry["connect"], json!({"host": "127.0.0.1", "port": 20_001}));
        assert!(entry.get("host").is_none() && entry.get("port").is_none() && entry.get("secret").is_none());
        assert_eq!(entry["pathMappings"][1]["remoteRoot"], "/srv/app");
        assert_eq!(entry["type"], "debugpy");
    }

    #[test]
    fn a_socket_is_named_in_place_of_an_address() {
        let entry = attach_configuration(&terms(), &Endpoint::Socket("/run/s".into()), Some("x"));
        assert_eq!((&entry["type"], &entry["socket"]), (&json!("remora"), &json!("/run/s")));
        assert!(entry.get("connect").is_none() && entry["pathMappings"][0]["remoteRoot"] == "/usr/lib/own");
    }

    #[test]
    fn all_interfaces_are_no_address_to_connect_to() {
        let entry = attach_configuration(&terms(), &Endpoint::Port(([0, 0, 0, 0], 20_001).into()), None);
        assert_eq!(entry["connect"]["host"], "127.0.0.1");
    }

    #[test]
    fn who_is_not_reached_over_the_link_is_named_as_it_is_reached() {
        let place = Place { host: "gpu.example".into(), port: 5678 };
        let entry = attach_configuration(&terms(), &Endpoint::There(place.clone()), None);
        assert_eq!((&entry["connect"], entry.get("listen")), (&json!({"host": "gpu.example", "port": 5678}), None));
        let entry = attach_configuration(&terms(), &Endpoint::Client(place), None);
        assert_eq!((&entry["listen"], entry.get("connect")), (&json!({"host": "gpu.example", "port": 5678}), None));
    }

    #[test]
    fn the_secret_of_the_program_is_carried_along() {
        let entry = attach_configuration(&terms(), &Endpoint::Port(([127, 0, 0, 1], 20_001).into()), Some("my_secret"));
        assert_eq!(entry["secret"], "my_secret");
    }

    #[test]
    fn the_port_is_stable_and_below_the_ephemeral_range() {
        let root = |name: &str| LocalPath::new(std::env::temp_dir().join(name)).unwrap();
        let mut seen = std::collections::BTreeSet::new();
        for name in ["a", "b", "c", "d", "e", "f"] {
            for target in ["box", "lab"] {
                let port = stable_port(&root(name), target);
                assert!((FIRST_PORT..END_PORT).contains(&port));
                assert_eq!(port, stable_port(&root(name), target));
                seen.insert(port);
            }
        }
        assert!(seen.len() >= 11, "{seen:?}");
    }
}
