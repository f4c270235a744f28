//! RTCP from both ends.

use crate::testing::{Dice, hex};

use super::*;

const CNAME: &str = "roomgate@192.0.2.1";

#[test]
fn reports_come_back() {
    let info = SenderInfo {
        ssrc: 0xCAFE,
        ntp: 0xE000_0000_8000_0000,
        rtp_timestamp: 90_000,
        packets: 7,
        octets: 700,
    };
    let block = ReportBlock {
        ssrc: 0xBEEF,
        fraction_lost: 64,
        cumulative_lost: -3,
        extended_sequence: 0x1_0005,
        jitter: 12,
        last_sender_report: 0xABCD_EF01,
        delay: 65_536,
    };
    let cnames = |ssrc| Item::Sdes { cnames: vec![(ssrc, CNAME.into())] };
    let packet = sender_report(&info, &[block], CNAME);
    assert_eq!(packet.len() % 4, 0);
    assert_eq!(parse(&packet).unwrap(), [Item::SenderReport { info, blocks: vec![block] }, cnames(0xCAFE)]);
    assert_eq!(
        parse(&receiver_report(1, &[block], CNAME)).unwrap(),
        [Item::ReceiverReport { ssrc: 1, blocks: vec![block] }, cnames(1)]
    );
}

#[test]
fn feedback_follows_a_report_and_the_cname() {
    let limit = Limit { ssrc: 9, bitrate: 1_000_000, overhead: 40 };
    for (packet, item) in [
        (pli(1, 2, CNAME), Item::Pli { sender: 1, media: 2 }),
        (fir(1, 2, 3, CNAME), Item::Fir { sender: 1, entries: vec![FirEntry { ssrc: 2, sequence: 3 }] }),
        (
            tmmbr(1, limit, CNAME),
            Item::Tmmbr { sender: 1, limits: vec![Limit { bitrate: 1_000_000, ..limit }] },
        ),
        (tmmbn(1, &[limit, limit], CNAME), Item::Tmmbn { sender: 1, limits: vec![limit, limit] }),
        (tmmbn(1, &[], CNAME), Item::Tmmbn { sender: 1, limits: vec![] }),
        (bye(1, CNAME), Item::Bye { ssrcs: vec![1] }),
    ] {
        let items = parse(&packet).unwrap();
        assert_eq!(
            items,
            [
                Item::ReceiverReport { ssrc: 1, blocks: vec![] },
                Item::Sdes { cnames: vec![(1, CNAME.into())] },
                item
            ]
        );
    }
}

#[test]
fn limits_are_rounded_down_never_up() {
    for bitrate in [0, 1, 131_071, 131_072, 131_073, 1_999_999, 10_000_001, u64::MAX] {
        let packet = tmmbr(1, Limit { ssrc: 2, bitrate, overhead: 1000 }, CNAME);
        let Some(Item::Tmmbr { limits, .. }) = parse(&packet).unwrap().pop() else { panic!("no TMMBR") };
        let read = limits[0];
        assert!(read.bitrate <= bitrate && read.bitrate >= bitrate - (bitrate >> 16), "{bitrate}: {read:?}");
        assert_eq!(read.overhead, 511, "the most that nine bits hold");
    }
}

#[test]
fn what_others_send() {
    // A reduced-size NACK for 100, 101 and 116.
    assert_eq!(
        parse(&hex("81CD0003 00000001 00000002 0064 8001")).unwrap(),
        [Item::Nack { sender: 1, media: 2, sequences: vec![100, 101, 116] }]
    );
    // REMB of a browser: 500000 bit/s as 125000 * 2^2, over two streams.
    assert_eq!(
        parse(&hex("8FCE0006 00000001 00000000 52454D42 0209E848 0000000A 0000000B")).unwrap(),
        [Item::Remb { sender: 1, bitrate: 500_000, ssrcs: vec![10, 11] }]
    );
    // A PLI with four octets of padding.
    assert_eq!(
        parse(&hex("A1CE0003 00000001 00000002 00000004")).unwrap(),
        [Item::Pli { sender: 1, media: 2 }]
    );
    // APP, then a transport-wide feedback, then an unknown type.
    let items = parse(&hex("80CC0002 00000001 41424344 8FCD0002 00000001 00000002 80DC0000")).unwrap();
    assert_eq!(items, [204, 205, 220].map(|packet_type| Item::Other { packet_type }));
}

#[test]
fn a_broken_packet_does_not_spoil_its_neighbours() {
    let plain = pli(1, 2, CNAME);
    // A report that claims 31 blocks and has none, before a good compound.
    let mut datagram = hex("9FC90001 00000001");
    datagram.extend_from_slice(&plain);
    assert_eq!(parse(&datagram), parse(&plain));
    // Padding longer than its packet.
    let mut datagram = hex("A1CE0003 00000001 00000002 000000FF");
    datagram.extend_from_slice(&plain);
    assert_eq!(parse(&datagram), parse(&plain));
    // Rubbish behind.
    let mut datagram = plain.clone();
    datagram.extend_from_slice(&[0x80, 0xC9, 0xFF]);
    assert_eq!(parse(&datagram), parse(&plain));
    assert_eq!(parse(&[]), Err(RtcpError::Truncated));
    assert_eq!(parse(&[0x80, 0xC9, 0, 9]), Err(RtcpError::Truncated));
    assert_eq!(parse(&[0x40, 0xC9, 0, 0]), Err(RtcpError::Version));
}

#[test]
fn names_and_blocks_are_cut_to_what_fits() {
    let name = "ä".repeat(200);
    let items = parse(&receiver_report(1, &[ReportBlock::default(); 40], &name)).unwrap();
    let [Item::ReceiverReport { blocks, .. }, Item::Sdes { cnames }] = &items[..] else {
        panic!("{items:?}")
    };
    assert_eq!(blocks.len(), 31);
    assert_eq!(cnames[0].1, "ä".repeat(127));
}

#[test]
fn no_octets_make_it_panic() {
    let mut dice = Dice::new(7);
    let seeds = [
        sender_report(&SenderInfo::default(), &[ReportBlock::default(); 2], CNAME),
        fir(1, 2, 3, CNAME),
        tmmbn(1, &[Limit { ssrc: 1, bitrate: 1, overhead: 1 }], CNAME),
        bye(1, CNAME),
    ];
    let mut read = 0;
    for round in 0..40_000 {
        let mut datagram = seeds[round % seeds.len()].clone();
        for _ in 0..=dice.below(6) {
            let at = dice.below(datagram.len());
            datagram[at] = dice.next() as u8;
        }
        datagram.truncate(dice.below(datagram.len() * 2).max(1));
        read += parse(&datagram).map_or(0, |items| items.len());
        let length = dice.below(64);
        let mut noise = dice.bytes(length);
        if let [first, second, ..] = &mut noise[..] {
            *first = 0x80 | *first & 0x3F;
            *second = 200 + *second % 8;
        }
        read += parse(&noise).map_or(0, |items| items.len());
    }
    assert!(read > 10_000, "the changed packets are mostly readable: {read}");
}
