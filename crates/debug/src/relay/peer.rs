//! Owns the question whose the other end of a loopback connection is. Reads `/proc/net/tcp`; never closes.

#[cfg(any(target_os = "linux", test))]
use std::net::IpAddr;
use std::net::SocketAddr;

/// The user that owns the socket with the address `peer` that is connected to `local`, by the text of
/// `/proc/net/tcp` or `/proc/net/tcp6`; nothing when it is not listed.
#[cfg(any(target_os = "linux", test))]
pub(crate) fn uid_in(table: &str, peer: SocketAddr, local: SocketAddr) -> Option<u32> {
    let wanted = [hexadecimal(peer), hexadecimal(local)];
    table.lines().skip(1).find_map(|row| {
        let mut fields = row.split_ascii_whitespace().skip(1);
        let addresses = [fields.next()?, fields.next()?];
        if addresses == [wanted[0].as_str(), wanted[1].as_str()] { fields.nth(4)?.parse().ok() } else { None }
    })
}

/// As the kernel writes it: 32-bit words in the machine's byte order.
#[cfg(any(target_os = "linux", test))]
fn hexadecimal(address: SocketAddr) -> String {
    let octets = match address.ip() {
        IpAddr::V4(ip) => ip.octets().to_vec(),
        IpAddr::V6(ip) => ip.octets().to_vec(),
    };
    let words = octets.chunks_exact(4).map(|word| {
        let word = [word[0], word[1], word[2], word[3]];
        format!("{:08X}", u32::from_ne_bytes(word))
    });
    format!("{}:{:04X}", words.collect::<String>(), address.port())
}

/// Whether the other end is known to be another user's. On systems that do not tell, nobody is.
#[cfg(target_os = "linux")]
pub(crate) fn is_a_stranger(peer: SocketAddr, local: SocketAddr) -> bool {
    let path = if peer.is_ipv6() { "/proc/net/tcp6" } else { "/proc/net/tcp" };
    let table = std::fs::read_to_string(path).unwrap_or_default();
    uid_in(&table, peer, local).is_some_and(|uid| uid != rustix::process::geteuid().as_raw())
}

/// Whether the other end is known to be another user's. On systems that do not tell, nobody is.
#[cfg(not(target_os = "linux"))]
pub(crate) fn is_a_stranger(_peer: SocketAddr, _local: SocketAddr) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_endian = "little")]
    fn the_row_of_the_connection_tells_the_user() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n   \
             0: 0100007F:4E21 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1 0\n   \
             1: 0100007F:C350 0100007F:4E21 01 00000000:00000000 00:00000000 00000000  1000        0 2 1 0\n   \
             2: 0100007F:4E21 0100007F:C350 01 00000000:00000000 00:00000000 00000000     7        0 3 1 0\n";
        let address = |port| SocketAddr::from(([127, 0, 0, 1], port));
        assert_eq!(uid_in(table, address(50_000), address(20_001)), Some(1000));
        assert_eq!(uid_in(table, address(20_001), address(50_000)), Some(7));
        assert_eq!(uid_in(table, address(50_001), address(20_001)), None);
        assert_eq!(uid_in("", address(50_000), address(20_001)), None);
    }

    #[test]
    #[cfg(target_endian = "little")]
    fn an_ipv6_address_is_four_words() {
        let loopback = SocketAddr::from((std::net::Ipv6Addr::LOCALHOST, 1));
        assert_eq!(hexadecimal(loopback), "00000000000000000000000001000000:0001");
    }
}
