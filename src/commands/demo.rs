//! `serve --demo`: a room to try at once, on this machine alone, or with `--lan` for hardware beside it.

use std::{
    collections::HashSet,
    fmt::Write,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
};

use crate::{
    config::{Config, MediaAddress, SipTransport},
    store::{PinChoice, RoomChange, RoomDraft, RoomRecord, RoomType, Secret, Store, StoreError, VideoClass},
    wire::{Listening, interfaces},
};

const ROOM: &str = "100100";
const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// Turns the configuration into the demonstration's: data of its own, and without `lan` nothing that others reach.
pub(super) fn configure(mut config: Config, lan: bool) -> Config {
    config.data_dir = beside(&config.data_dir);
    config.store.path = config.data_dir.join("roomgate.db");
    config.store.key_file = config.data_dir.join("secret.key");
    // whatever address is dialled
    config.sip.domains.clear();
    if !lan {
        for listen in &mut config.sip.listen {
            keep_here(&mut listen.address);
        }
        // 0.0.0.0 and [::] have become the same
        let mut seen = HashSet::new();
        config.sip.listen.retain(|listen| seen.insert((listen.transport, listen.address)));
        keep_here(&mut config.web.listen.address);
        config.media.address = MediaAddress::Fixed(LOOPBACK);
    }
    config
}

fn beside(folder: &Path) -> PathBuf {
    let mut name = folder.file_name().unwrap_or_default().to_owned();
    name.push("-demo");
    folder.with_file_name(name)
}

fn keep_here(address: &mut SocketAddr) {
    if !address.ip().is_loopback() {
        address.set_ip(LOOPBACK);
    }
}

/// Adds the room, or sets the PINs of the one that is there. On the network nobody shall know them beforehand.
pub(super) async fn seed(store: &Store, lan: bool) -> Result<RoomRecord, StoreError> {
    let (host_pin, guest_pin) = if lan {
        (PinChoice::Made, PinChoice::Made)
    } else {
        (PinChoice::Given(Secret::new("1234")), PinChoice::Given(Secret::new("5678")))
    };
    let change = RoomChange {
        kind: Some(RoomType::Administrative),
        video: Some(VideoClass::Hd720),
        host_pin: Some(host_pin.clone()),
        guest_pin: Some(guest_pin.clone()),
        ..RoomChange::default()
    };
    match store.change_room(ROOM, change).await {
        Err(StoreError::NoRoom(_)) => {}
        changed => return changed,
    }
    let draft = RoomDraft {
        address: ROOM.to_owned(),
        name: "Demo".to_owned(),
        kind: RoomType::Administrative,
        host_pin,
        guest_pin,
        video: VideoClass::Hd720,
        expected: None,
        chat: false,
        aliases: Vec::new(),
        organisation: None,
    };
    store.add_room(draft).await
}

/// What to dial, which page to open, and the PINs.
pub(super) fn banner(
    listening: &Listening,
    secure_web: bool,
    room: &RoomRecord,
    self_signed: bool,
) -> String {
    let own = interfaces::local_addresses();
    let mut text = format!("\nRoomgate {} is ready: room {}\n\n", env!("CARGO_PKG_VERSION"), room.address);
    let mut label = "Dial";
    for (transport, address) in &listening.sip {
        for host in hosts(*address, &own) {
            let _ = writeln!(text, "  {label:5} {}", dial(&room.address, *transport, host));
            label = "";
        }
    }
    let scheme = if secure_web { "https" } else { "http" };
    label = "Open";
    for host in hosts(listening.web, &own) {
        let _ = writeln!(text, "  {label:5} {scheme}://{host}/{}", room.address);
        label = "";
    }
    let pin =
        |pin: &Option<Secret>| pin.as_ref().map_or_else(|| "none".to_owned(), |p| p.expose().to_owned());
    let _ = writeln!(text, "  PINs  host {}, guest {}", pin(&room.host_pin), pin(&room.guest_pin));
    if self_signed {
        text.push_str("\n  The certificate is self-signed: the browser asks once whether to go on.\n");
    }
    text.push_str("  Ctrl-C ends it.\n");
    text
}

fn dial(room: &str, transport: SipTransport, host: SocketAddr) -> String {
    format!("sip:{room}@{host};transport={}", transport.as_str())
}

/// What a socket is reached at. IPv6 only where it was asked for: on a television's remote nobody keys it.
fn hosts(address: SocketAddr, own: &[IpAddr]) -> Vec<SocketAddr> {
    if !address.ip().is_unspecified() {
        return vec![address];
    }
    let mut hosts: Vec<_> = own.iter().filter(|own| own.is_ipv4()).copied().collect();
    if hosts.is_empty() && address.is_ipv6() {
        hosts.extend(own);
    }
    if hosts.is_empty() {
        hosts.push(LOOPBACK);
    }
    hosts.into_iter().map(|ip| SocketAddr::new(ip, address.port())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_demonstrations_data_lie_beside_the_configured_ones() {
        assert_eq!(beside(Path::new("/srv/roomgate")), Path::new("/srv/roomgate-demo"));
        assert_eq!(beside(Path::new("/srv/roomgate/")), Path::new("/srv/roomgate-demo"));
    }

    #[test]
    fn everywhere_is_told_by_every_address_of_ours() {
        let own = ["192.0.2.7".parse().unwrap(), "2001:db8::7".parse().unwrap()];
        let everywhere = "[::]:5060".parse().unwrap();
        assert_eq!(hosts(everywhere, &own), ["192.0.2.7:5060".parse().unwrap()]);
        assert_eq!(hosts(everywhere, &own[1..]), ["[2001:db8::7]:5060".parse().unwrap()]);
        assert_eq!(hosts(everywhere, &[]), ["127.0.0.1:5060".parse().unwrap()]);
        let one = "127.0.0.1:5061".parse().unwrap();
        assert_eq!(hosts(one, &own), [one]);
        assert_eq!(dial("100100", SipTransport::Tls, one), "sip:100100@127.0.0.1:5061;transport=tls");
    }
}
