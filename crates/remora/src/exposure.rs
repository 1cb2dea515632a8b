//! Owns how a debug client that is told a port and a debugger meet: which names and addresses stand for what the settings
//! say. Never listens; whether a way is open is tried in `reach.rs`.

use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use remora_agent::Link;
use remora_debug::{Exposed, Meeting, Place};
use remora_model::{Address, Exposure, Target, TransportSpec};
use tokio::net::{TcpListener, lookup_host};

use crate::fault::{Fault, Kind};
use crate::reach::{dialled, reach};

/// What is known of it without asking anybody.
#[derive(Debug, Clone)]
pub struct Wish {
    /// Which way.
    pub exposure: Exposure,
    /// What is dialled; without it, what the connection shows.
    pub address: Option<Address>,
    /// The port, unless the address has one.
    pub port: u16,
    /// How the target is reached.
    pub transport: TransportSpec,
}

impl Wish {
    /// What the settings say of a target, over them what the user said for once.
    pub(crate) fn new(target: &Target, said: (Option<Exposure>, Option<Address>), port: u16) -> Self {
        Self {
            exposure: said.0.unwrap_or(target.exposure),
            address: said.1.or_else(|| target.address.clone()),
            port,
            transport: target.transport.clone(),
        }
    }

    /// For a start: tries the way.
    ///
    /// # Errors
    /// What is in the way, or not known.
    pub(crate) async fn exposed(&self, link: &Link) -> Result<Exposed, Fault> {
        match self.exposure {
            Exposure::Tunnel => Ok(Exposed::No),
            Exposure::Direct => {
                let at = self.there().await?;
                let from = reach(link, &at.host, at.port).await?;
                Ok(Exposed::Direct { at, from })
            }
            Exposure::Reverse => {
                let at = self.here(link)?;
                let listen = listening_address(&at.host).await;
                Ok(Exposed::Reverse { at, listen })
            }
        }
    }

    /// For an attach configuration.
    ///
    /// # Errors
    /// What is not known.
    pub(crate) async fn meeting(&self, link: &Link) -> Result<Meeting, Fault> {
        match self.exposure {
            Exposure::Tunnel => Ok(Meeting::Connect(self.place(Ipv4Addr::LOCALHOST.to_string()))),
            Exposure::Direct => self.there().await.map(Meeting::Connect),
            Exposure::Reverse => {
                let at = self.here(link)?;
                let host = listening_address(&at.host).await.to_string();
                Ok(Meeting::Listen(Place { host, port: at.port }))
            }
        }
    }

    /// What somebody here dials.
    async fn there(&self) -> Result<Place, Fault> {
        let known = match &self.address {
            Some(address) => Some(address.host.clone()),
            None => dialled(&self.transport).await,
        };
        known.map(|host| self.place(host)).ok_or_else(|| unknown("the remote has no address that is known here"))
    }

    /// What somebody there dials.
    fn here(&self, link: &Link) -> Result<Place, Fault> {
        let shown = || match self.transport {
            TransportSpec::Local => Some(Ipv4Addr::LOCALHOST.to_string()),
            TransportSpec::Ssh(_) | TransportSpec::Command(_) => link.hello().client.clone(),
        };
        let known = self.address.as_ref().map(|address| address.host.clone()).or_else(shown);
        known
            .map(|host| self.place(host))
            .ok_or_else(|| unknown("the remote does not know where the connection comes from"))
    }

    fn place(&self, host: String) -> Place {
        let own = self.address.as_ref().and_then(|address| address.port);
        Place { host, port: own.filter(|_| self.exposure != Exposure::Tunnel).unwrap_or(self.port) }
    }
}

/// Where a client listens for who dials `host`: on that address if it is one of this machine's, else (behind a router that
/// forwards the port, say) on all.
async fn listening_address(host: &str) -> IpAddr {
    let all = IpAddr::from(Ipv4Addr::UNSPECIFIED);
    let Ok(found) = lookup_host((host, 0)).await else { return all };
    let Some(ip) = found.map(|address| address.ip()).find(IpAddr::is_ipv4) else { return all };
    // Any port: on the real one the client may listen already.
    match TcpListener::bind(SocketAddr::new(ip, 0)).await {
        Err(error) if error.kind() == ErrorKind::AddrNotAvailable => all,
        _ => ip,
    }
}

fn unknown(why: &str) -> Fault {
    Fault::new(
        Kind::BadRequest,
        format!("Nobody can be told what to dial: {why}."),
        "Say it with --address or the target's \"address\", or leave \"exposure\" out.",
    )
}

/// What has to be said when a debugger listens by itself.
pub(crate) fn warning(at: &Place) -> Fault {
    Fault::new(
        Kind::PortExposed,
        format!(
            "The debugger listens at {at}, unencrypted and without a password; it takes connections from this machine's \
             address only, but whoever shares that address can run code there as you."
        ),
        "End the program when you are done; the default tunnel needs no port.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::tests::link_here;

    fn wish(exposure: Exposure, address: Option<&str>, transport: TransportSpec) -> Wish {
        Wish { exposure, address: address.map(|text| Address::read(text).unwrap()), port: 20_001, transport }
    }

    fn place(host: &str, port: u16) -> Place {
        Place { host: host.into(), port }
    }

    #[tokio::test]
    async fn what_is_dialled_is_what_was_said_or_what_the_connection_shows() {
        let link = link_here().await;
        let docker = || TransportSpec::Command(vec!["docker".into()]);
        for (wish, meeting) in [
            (wish(Exposure::Tunnel, Some("gpu:80"), docker()), Meeting::Connect(place("127.0.0.1", 20_001))),
            (wish(Exposure::Direct, None, TransportSpec::Local), Meeting::Connect(place("127.0.0.1", 20_001))),
            (wish(Exposure::Direct, Some("gpu:80"), docker()), Meeting::Connect(place("gpu", 80))),
            (wish(Exposure::Direct, Some("gpu"), docker()), Meeting::Connect(place("gpu", 20_001))),
            (wish(Exposure::Reverse, None, TransportSpec::Local), Meeting::Listen(place("127.0.0.1", 20_001))),
            // An address for examples is nobody's.
            (wish(Exposure::Reverse, Some("192.0.2.1:80"), docker()), Meeting::Listen(place("0.0.0.0", 80))),
        ] {
            assert_eq!(wish.meeting(&link).await.unwrap(), meeting, "{wish:?}");
        }
        assert_eq!(wish(Exposure::Direct, None, docker()).meeting(&link).await.unwrap_err().kind, Kind::BadRequest);
    }
}
