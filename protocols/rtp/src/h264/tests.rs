//! The payload format from both ends.

use proptest::{collection::vec, prelude::*};

use crate::testing::Dice;

use super::*;

const SPS_NAL: &[u8] = &[0x67, 0x42, 0xE0, 0x1F, 0x96];
const PPS_NAL: &[u8] = &[0x68, 0xCE, 0x3C, 0x81];

fn annex_b(nals: &[&[u8]]) -> Vec<u8> {
    nals.iter().flat_map(|nal| [&[0, 0, 0, 1], *nal].concat()).collect()
}

/// A slice that begins its picture; `header` 0x65 makes it one of an IDR picture.
fn slice(header: u8, length: usize) -> Vec<u8> {
    let mut slice = vec![header, 0x88];
    slice.resize(length, 0xAB);
    slice
}

fn idr_frame(length: usize) -> Vec<u8> {
    annex_b(&[SPS_NAL, PPS_NAL, &slice(0x65, length)])
}

fn packetise(mode: PacketizationMode, frame: &[u8]) -> Vec<(Vec<u8>, bool)> {
    Packetiser::new(mode, MAX_PAYLOAD).packetise(frame)
}

/// Sends frames through a path that loses the packets for which `lost` says so.
fn through(frames: &[Vec<u8>], lost: impl Fn(usize) -> bool) -> Vec<AccessUnit> {
    let mut depacketiser = Depacketiser::new();
    let packets = frames.iter().zip(1u32..).flat_map(|(frame, number)| {
        let payloads = packetise(PacketizationMode::NonInterleaved, frame);
        payloads.into_iter().map(move |(payload, marker)| (number * 3000, payload, marker))
    });
    let mut units = Vec::new();
    for (at, (timestamp, payload, marker)) in packets.enumerate() {
        if !lost(at) {
            units.extend(depacketiser.push((at as u16).wrapping_add(65_530), timestamp, marker, &payload));
        }
    }
    units
}

#[test]
fn mode_1_cuts_equal_pieces_and_comes_back() {
    let frame = idr_frame(5000);
    let payloads = packetise(PacketizationMode::NonInterleaved, &frame);
    let lengths: Vec<_> = payloads.iter().map(|(payload, _)| payload.len()).collect();
    assert_eq!(lengths, [14, 1002, 1002, 1002, 1002, 1001]);
    let markers: Vec<_> = payloads.iter().map(|(_, marker)| *marker).collect();
    assert_eq!(markers, [false, false, false, false, false, true]);
    // Across the turn of the sequence numbers.
    assert_eq!(
        through(&[frame.clone(), frame.clone()], |_| false),
        [3000, 6000].map(|timestamp| AccessUnit {
            timestamp,
            annex_b: frame.clone(),
            idr: true,
            complete: true
        })
    );
}

#[test]
fn mode_0_sends_nal_units_as_they_are_and_drops_what_is_too_long() {
    let mut packetiser = Packetiser::new(PacketizationMode::SingleNal, MAX_PAYLOAD);
    let (short, long) = (slice(0x65, 1200), slice(0x65, 1201));
    let payloads = packetiser.packetise(&annex_b(&[SPS_NAL, PPS_NAL, &short, &long]));
    let expected = [(SPS_NAL.to_vec(), false), (PPS_NAL.to_vec(), false), (short, true)];
    assert_eq!(payloads, expected, "the marker is on the last that is sent");
    assert_eq!(packetiser.dropped(), 1);
    assert!(payloads.iter().all(|(payload, _)| inspect(payload).single_nal));
}

#[test]
fn start_codes_of_three_octets_and_zeros_behind() {
    let mut packetiser = Packetiser::new(PacketizationMode::SingleNal, MAX_PAYLOAD);
    let payloads = packetiser.packetise(&[0, 0, 1, 0x41, 0x9A, 5, 0, 0, 0, 0, 1, 0x41, 0x1A, 6, 0, 0]);
    assert_eq!(payloads, [(vec![0x41, 0x9A, 5], false), (vec![0x41, 0x1A, 6], true)]);
    assert_eq!(packetiser.packetise(&[]), []);
    assert_eq!(packetiser.packetise(&[0, 0, 1]), []);
    assert_eq!(packetiser.packetise(&[7; 50]), [], "no start code, no NAL unit");
}

#[test]
fn a_lost_packet_flags_its_unit_and_the_next_that_hangs_on_it() {
    // Frame 1 is packets 0 to 5, frame 2 packets 6 to 7, frame 3 packet 8, frame 4 packets 9 and 10.
    let frames =
        [idr_frame(5000), annex_b(&[&slice(0x41, 2000)]), annex_b(&[&slice(0x41, 100)]), idr_frame(100)];
    let complete = |lost: usize| -> Vec<(u32, bool)> {
        through(&frames, |at| at == lost).iter().map(|unit| (unit.timestamp / 3000, unit.complete)).collect()
    };
    assert_eq!(complete(99), [(1, true), (2, true), (3, true), (4, true)]);
    assert_eq!(
        complete(0),
        [(1, true), (2, true), (3, true), (4, true)],
        "nobody knows what came before the first"
    );
    assert_eq!(complete(2), [(1, false), (2, true), (3, true), (4, true)]);
    // With its marker the end of frame 1 is lost, and perhaps the beginning of frame 2.
    assert_eq!(complete(5), [(1, false), (2, false), (3, true), (4, true)]);
    assert_eq!(
        complete(6),
        [(1, true), (3, false), (4, true)],
        "what is left of frame 2 is nothing, so frame 3 tells"
    );
    assert_eq!(complete(8), [(1, true), (2, true), (4, true)], "an IDR picture hangs on nothing");
    assert_eq!(complete(9)[3], (4, true), "its parameter sets were sent before");
}

#[test]
fn without_markers_the_next_timestamp_ends_a_unit() {
    let mut depacketiser = Depacketiser::new();
    let (first, second) = (slice(0x65, 50), slice(0x41, 60));
    assert_eq!(depacketiser.push(1, 0, false, &first), []);
    let units = depacketiser.push(2, 3000, false, &second);
    assert_eq!(units, [AccessUnit { timestamp: 0, annex_b: annex_b(&[&first]), idr: true, complete: true }]);
    let units = depacketiser.push(3, 6000, true, &first);
    let timestamps: Vec<_> = units.iter().map(|unit| (unit.timestamp, unit.complete)).collect();
    assert_eq!(timestamps, [(3000, true), (6000, true)], "the one before and its own");
}

#[test]
fn parameter_sets_on_their_own_wait_for_their_picture() {
    let mut depacketiser = Depacketiser::new();
    assert_eq!(depacketiser.push(1, 0, true, SPS_NAL), []);
    assert_eq!(depacketiser.push(2, 10, true, PPS_NAL), []);
    let picture = slice(0x65, 40);
    let units = depacketiser.push(3, 20, true, &picture);
    let expected = annex_b(&[SPS_NAL, PPS_NAL, &picture]);
    assert_eq!(units, [AccessUnit { timestamp: 20, annex_b: expected, idr: true, complete: true }]);
}

#[test]
fn duplicates_and_late_packets_are_dropped_until_it_is_a_restart() {
    let mut depacketiser = Depacketiser::new();
    let picture = slice(0x41, 40);
    assert_eq!(depacketiser.push(500, 0, true, &picture).len(), 1);
    assert_eq!(depacketiser.push(500, 0, true, &picture), []);
    assert_eq!(depacketiser.push(499, 0, true, &picture), []);
    assert_eq!(depacketiser.discarded(), 2);
    let restarted: Vec<_> =
        (0..20u16).flat_map(|at| depacketiser.push(at, u32::from(at) * 3000, true, &picture)).collect();
    assert!(restarted.len() >= 10, "{}", restarted.len());
    assert!(!restarted[0].complete && restarted[1..].iter().all(|unit| unit.complete));
}

#[test]
fn keep_alives_take_a_number_and_nothing_else() {
    let mut depacketiser = Depacketiser::new();
    let picture = slice(0x41, 3000);
    let payloads = packetise(PacketizationMode::NonInterleaved, &annex_b(&[&picture]));
    assert_eq!(depacketiser.push(0, 0, false, &payloads[0].0), []);
    assert_eq!(depacketiser.push(1, 77, true, &[]), []);
    assert_eq!(depacketiser.push(2, 0, false, &payloads[1].0), []);
    let units = depacketiser.push(3, 0, true, &payloads[2].0);
    assert_eq!(
        units,
        [AccessUnit { timestamp: 0, annex_b: annex_b(&[&picture]), idr: false, complete: true }]
    );
}

#[test]
fn what_cannot_be_read_flags_the_unit() {
    for bad in [
        &[0x78, 0, 9, 0x41][..],   // STAP-A whose length points behind its end
        &[0x78, 0, 1, 0x78],       // a STAP-A inside a STAP-A
        &[0x78, 0],                // half a length
        &[0x7C],                   // FU-A without its header
        &[0x7C, 0x05, 1, 2],       // FU-A without its beginning
        &[0x7C, 0x9C, 1, 2],       // FU-A of an FU-A
        &[0x7D, 0x85, 0, 0, 1],    // FU-B
        &[0x79, 0, 0, 0, 1, 0x41], // STAP-B
        &[0x7C, 0x81, 0x88, 1],    // FU-A that another packet interrupts
    ] {
        let mut depacketiser = Depacketiser::new();
        assert_eq!(depacketiser.push(1, 0, false, bad), [], "{bad:02x?}");
        let picture = slice(0x65, 40);
        let units = depacketiser.push(2, 0, true, &picture);
        assert_eq!(
            units,
            [AccessUnit { timestamp: 0, annex_b: annex_b(&[&picture]), idr: true, complete: false }]
        );
    }
}

#[test]
fn units_are_bounded() {
    let mut depacketiser = Depacketiser::new();
    let payload = slice(0x41, 60_000);
    let packets = MAX_ACCESS_UNIT / payload.len() + 5;
    for at in 0..packets {
        assert_eq!(depacketiser.push(at as u16, 0, false, &payload), []);
    }
    let units = depacketiser.push(packets as u16, 3000, true, &slice(0x65, 40));
    assert!(units[0].annex_b.len() <= MAX_ACCESS_UNIT && units[0].annex_b.len() > MAX_ACCESS_UNIT - 60_100);
    assert_eq!(units.iter().map(|unit| unit.complete).collect::<Vec<_>>(), [false, true]);
    // One NAL unit without end.
    let mut fragment = vec![0x7C, 0x81];
    fragment.resize(60_000, 1);
    for at in 0..packets {
        depacketiser.push((packets + 1 + at) as u16, 6000, false, &fragment);
        fragment[1] = 0x01;
    }
    assert_eq!(depacketiser.push((2 * packets + 1) as u16, 9000, true, &slice(0x65, 40)).len(), 1);
}

#[test]
fn inspection_tells_where_to_begin() {
    let idr = slice(0x65, 3000);
    let payloads = packetise(PacketizationMode::NonInterleaved, &annex_b(&[SPS_NAL, PPS_NAL, &idr]));
    let sets = inspect(&payloads[0].0);
    assert_eq!(sets, Inspection { has_sps: true, has_pps: true, valid: true, ..Inspection::default() });
    assert!(sets.keyframe());
    let first = inspect(&payloads[1].0);
    assert_eq!(first, Inspection { starts_idr: true, idr: true, valid: true, ..Inspection::default() });
    let next = inspect(&payloads[2].0);
    assert_eq!(next, Inspection { idr: true, valid: true, ..Inspection::default() });
    assert!(first.keyframe() && !next.keyframe());
    let single = inspect(&slice(0x41, 10));
    assert_eq!(single, Inspection { single_nal: true, valid: true, ..Inspection::default() });
    // The second slice of an IDR picture: its first macroblock is not 0.
    assert!(!inspect(&[0x65, 0x20, 1]).starts_idr);
    for bad in [&[][..], &[0x7C], &[0x00], &[0x7D, 0x85, 1], &[0x78, 0, 9, 0x41], &[0x1E]] {
        assert!(!inspect(bad).valid, "{bad:02x?}");
    }
}

#[test]
fn parameter_sets_are_kept_by_identifier() {
    let mut sets = ParameterSets::new();
    assert!(!sets.observe(&slice(0x65, 20)));
    assert!(sets.observe(SPS_NAL));
    assert_eq!((sets.is_complete(), sets.stap_a()), (false, None));
    assert!(sets.observe(PPS_NAL));
    assert!(!sets.observe(PPS_NAL), "the same again");
    let stap = sets.stap_a().unwrap();
    assert_eq!(stap, [&[0x78, 0, 5][..], SPS_NAL, &[0, 4], PPS_NAL].concat());
    assert!(!ParameterSets::observe(&mut sets, &stap));
    // The same identifier (0: one bit) with other content, then another identifier (1: 010).
    let (changed, second) = ([0x68, 0xFF, 1], [0x68, 0x5F, 1]);
    assert!(sets.observe(&changed) && sets.observe(&second));
    assert_eq!(sets.nals().collect::<Vec<_>>(), [SPS_NAL, &changed, &second]);
    assert_eq!(sets.sps(), Some(SPS_NAL));
    let mut fresh = ParameterSets::new();
    assert!(fresh.observe(&stap) && fresh.is_complete(), "from a STAP-A");
    assert!(!fresh.observe(&[0x68]) && !fresh.observe(&[0x68; 600]) && !fresh.observe(&[0x68, 0, 0, 0]));
    for id in 0..200u8 {
        // 0000000 1xxxxxxx, 15 bits: identifiers from 127.
        fresh.observe(&[0x68, 0x01, id]);
    }
    assert!(fresh.nals().count() <= 17);
}

#[test]
fn refragmenting_keeps_the_picture() {
    let frame = idr_frame(5000);
    let payloads = Packetiser::new(PacketizationMode::NonInterleaved, 60_000).packetise(&frame);
    assert_eq!(payloads.len(), 2);
    let smaller: Vec<_> = payloads.iter().flat_map(|(payload, _)| refragment(payload, 1200)).collect();
    let smallest: Vec<_> = smaller.iter().flat_map(|payload| refragment(payload, 300)).collect();
    for (pieces, max) in [(smaller, 1200), (smallest, 300)] {
        assert!(pieces.iter().all(|piece| piece.len() <= max));
        let mut depacketiser = Depacketiser::new();
        let last = pieces.len() - 1;
        let units: Vec<_> = pieces
            .iter()
            .enumerate()
            .flat_map(|(at, piece)| depacketiser.push(at as u16, 0, at == last, piece))
            .collect();
        assert_eq!(units, [AccessUnit { timestamp: 0, annex_b: frame.clone(), idr: true, complete: true }]);
    }
    let sets = packetise(PacketizationMode::NonInterleaved, &annex_b(&[&[0x67; 50], &[0x68; 50]]));
    assert_eq!(refragment(&sets[0].0, 64), [vec![0x67; 50], vec![0x68; 50]]);
    assert_eq!(refragment(&sets[0].0, 1200), [sets[0].0.clone()]);
    assert_eq!(refragment(&[], 1200), Vec::<Vec<u8>>::new());
    assert_eq!(refragment(&[0x7D; 5000], 1200), Vec::<Vec<u8>>::new(), "mode 2 is not ours");
}

#[test]
fn no_octets_make_it_panic() {
    let mut dice = Dice::new(11);
    let (mut depacketiser, mut sets) = (Depacketiser::new(), ParameterSets::new());
    let (mut units, mut sequence, mut timestamp) = (0, 0u16, 0u32);
    for _ in 0..60_000 {
        let length = dice.below(40);
        let mut payload = dice.bytes(length);
        if let Some(first) = payload.first_mut() {
            *first = [0x41, 0x65, 0x67, 0x68, 0x78, 0x7C, 0x7C, *first][dice.below(8)];
        }
        sequence = sequence.wrapping_add(1 + (dice.below(20) / 19) as u16 * 3);
        timestamp = timestamp.wrapping_add(dice.below(2) as u32 * 3000);
        let found = inspect(&payload);
        assert!(!found.starts_idr || found.idr);
        assert!(refragment(&payload, 64).iter().all(|piece| piece.len() <= 64));
        sets.observe(&payload);
        for unit in depacketiser.push(sequence, timestamp, dice.below(2) == 0, &payload) {
            assert!(!unit.annex_b.is_empty());
            units += 1;
            Packetiser::new(PacketizationMode::NonInterleaved, 64).packetise(&unit.annex_b);
        }
    }
    assert!(units > 5_000, "{units}");
    assert!(sets.stap_a().is_none_or(|payload| payload.len() <= MAX_PAYLOAD));
}

/// A NAL unit as an encoder makes it: no start code inside, no zero at the end.
fn nal(header: u8, max: usize) -> impl Strategy<Value = Vec<u8>> {
    vec(prop_oneof![3 => 1u8..=255, 1 => Just(3)], 1..max)
        .prop_map(move |content| [&[header, 0x80 | content[0]], &content[..]].concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn frames_come_back(
        heads in vec(prop_oneof![nal(0x67, 300), nal(0x68, 900), nal(0x06, 1500), nal(0x09, 2)], 0..5),
        slices in vec(prop_oneof![nal(0x65, 5000), nal(0x41, 1200), nal(0x01, 20)], 1..6),
        max in 64usize..1500,
        first in any::<u16>(),
    ) {
        let nals: Vec<&[u8]> = heads.iter().chain(&slices).map(Vec::as_slice).collect();
        let frame = annex_b(&nals);
        let mut packetiser = Packetiser::new(PacketizationMode::NonInterleaved, max);
        let payloads = packetiser.packetise(&frame);
        let mut depacketiser = Depacketiser::new();
        let mut units = Vec::new();
        for (at, (payload, marker)) in payloads.iter().enumerate() {
            prop_assert!(payload.len() <= max);
            prop_assert_eq!(*marker, at + 1 == payloads.len());
            units.extend(depacketiser.push(first.wrapping_add(at as u16), 1, *marker, payload));
        }
        let idr = slices.iter().any(|slice| slice[0] == 0x65);
        prop_assert_eq!(units, [AccessUnit { timestamp: 1, annex_b: frame, idr, complete: true }]);
    }

    #[test]
    fn refragmented_frames_come_back(slices in vec(nal(0x41, 6000), 1..4), max in 64usize..1400) {
        let nals: Vec<&[u8]> = slices.iter().map(Vec::as_slice).collect();
        let frame = annex_b(&nals);
        let payloads = packetise(PacketizationMode::NonInterleaved, &frame);
        let pieces: Vec<_> = payloads.iter().flat_map(|(payload, _)| refragment(payload, max)).collect();
        let mut depacketiser = Depacketiser::new();
        let mut units = Vec::new();
        for (at, piece) in pieces.iter().enumerate() {
            prop_assert!(piece.len() <= max);
            units.extend(depacketiser.push(at as u16, 1, at + 1 == pieces.len(), piece));
        }
        prop_assert_eq!(units, [AccessUnit { timestamp: 1, annex_b: frame, idr: false, complete: true }]);
    }
}
