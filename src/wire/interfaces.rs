//! This machine's own addresses, read from the kernel's tables.

use std::{
    fs,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket},
};

/// The addresses that others reach this machine at: neither loopback nor link-local. The one of the default route
/// comes first, IPv4 before IPv6.
pub fn local_addresses() -> Vec<IpAddr> {
    let trie = fs::read_to_string("/proc/net/fib_trie").unwrap_or_default();
    let v6 = fs::read_to_string("/proc/net/if_inet6").unwrap_or_default();
    let mut addresses: Vec<IpAddr> = Vec::new();
    addresses.extend(default_address(Ipv4Addr::UNSPECIFIED.into(), Ipv4Addr::new(192, 0, 2, 1).into()));
    addresses.extend(local_v4(&trie).into_iter().map(IpAddr::V4));
    let documentation = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);
    addresses.extend(default_address(Ipv6Addr::UNSPECIFIED.into(), documentation.into()));
    addresses.extend(local_v6(&v6).into_iter().map(IpAddr::V6));
    let mut seen = std::collections::HashSet::new();
    addresses.retain(|address| !address.is_loopback() && !address.is_unspecified() && seen.insert(*address));
    addresses
}

/// What to bind for a configured address: `[::]` takes IPv4 too, and becomes `0.0.0.0` where IPv6 is off.
pub fn bindable(address: SocketAddr) -> SocketAddr {
    let everywhere = address.ip() == IpAddr::V6(Ipv6Addr::UNSPECIFIED);
    if everywhere && UdpSocket::bind((Ipv6Addr::UNSPECIFIED, 0)).is_err() {
        return SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), address.port());
    }
    address
}

/// The source address towards the rest of the world. Connecting a UDP socket sends nothing.
fn default_address(local: IpAddr, far: IpAddr) -> Option<IpAddr> {
    let socket = UdpSocket::bind((local, 0)).ok()?;
    socket.connect((far, 9)).ok()?;
    Some(socket.local_addr().ok()?.ip())
}

/// An address line is followed by its kinds: `|-- 192.0.2.7` and then `/32 host LOCAL`.
fn local_v4(trie: &str) -> Vec<Ipv4Addr> {
    let mut found = Vec::new();
    let mut last = None;
    for line in trie.lines() {
        let line = line.trim();
        if let Some(address) = line.strip_prefix("|-- ") {
            last = address.parse::<Ipv4Addr>().ok();
        } else if line.starts_with("/32 host LOCAL")
            && let Some(address) = last
            && !address.is_loopback()
            && !address.is_link_local()
            && !found.contains(&address)
        {
            found.push(address);
        }
    }
    found
}

/// `20010db8000000000000000000000001 02 40 00 80 eth0`
fn local_v6(table: &str) -> Vec<Ipv6Addr> {
    let addresses = table.lines().filter_map(|line| {
        let bits = u128::from_str_radix(line.split_whitespace().next()?, 16).ok()?;
        Some(Ipv6Addr::from_bits(bits))
    });
    addresses.filter(|a| !a.is_loopback() && !a.is_unicast_link_local()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_tables_are_read() {
        let trie = "Local:\n  +-- 0.0.0.0/0 3 0 5\n     |-- 0.0.0.0\n        /0 universe UNICAST\n\
            \n     +-- 10.1.0.0/16 2 0 2\n        |-- 10.1.0.0\n           /16 link UNICAST\n\
            \n        |-- 10.1.2.3\n           /32 host LOCAL\n        |-- 10.1.255.255\n           /32 link BROADCAST\n\
            \n     |-- 127.0.0.1\n        /32 host LOCAL\n     |-- 169.254.1.1\n        /32 host LOCAL\n";
        assert_eq!(local_v4(trie), [Ipv4Addr::new(10, 1, 2, 3)]);
        let table = "00000000000000000000000000000001 01 80 10 80       lo\n\
            fe80000000000000021122fffe334455 02 40 20 80     eth0\n\
            20010db8000000000000000000000007 02 40 00 80     eth0\n";
        assert_eq!(local_v6(table), ["2001:db8::7".parse::<Ipv6Addr>().unwrap()]);
        assert!(local_v4("").is_empty() && local_v6("nonsense").is_empty());
    }

    #[test]
    fn own_addresses_are_no_loopback() {
        assert!(local_addresses().iter().all(|address| !address.is_loopback() && !address.is_unspecified()));
    }

    #[test]
    fn only_the_address_for_everything_falls_back() {
        let loopback = "127.0.0.1:5060".parse().unwrap();
        assert_eq!(bindable(loopback), loopback);
        assert_eq!(bindable("[::]:5060".parse().unwrap()).port(), 5060);
    }
}
