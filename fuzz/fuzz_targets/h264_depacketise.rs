//! Any payloads in any order of sequence numbers: nothing grows without end, and what is cut again still fits.
//!
//! An input is packets: one octet for the step of the sequence number and the marker, one for the payload's length.

#![no_main]

use libfuzzer_sys::fuzz_target;
use roomgate_rtp::h264::{
    Depacketiser, MAX_ACCESS_UNIT, MAX_PAYLOAD, Packetiser, PacketizationMode, ParameterSets, inspect,
    refragment,
};

fuzz_target!(|data: &[u8]| {
    let (mut depacketiser, mut sets) = (Depacketiser::new(), ParameterSets::new());
    let mut packetiser = Packetiser::new(PacketizationMode::NonInterleaved, MAX_PAYLOAD);
    let (mut sequence, mut timestamp, mut rest) = (65_500u16, u32::MAX - 9000, data);
    while let [flags, length, behind @ ..] = rest {
        let (payload, after) = behind.split_at(usize::from(*length).min(behind.len()));
        rest = after;
        // Mostly the next packet; now and then a gap, a repetition or one from behind.
        sequence = sequence.wrapping_add_signed(match flags & 0x0F {
            0 => 3,
            1 => 0,
            2 => -2,
            _ => 1,
        });
        timestamp = timestamp.wrapping_add(if flags & 0x40 != 0 { 3000 } else { 0 });
        let _ = inspect(payload);
        sets.observe(payload);
        for piece in refragment(payload, 100) {
            assert!(piece.len() <= 100);
        }
        for unit in depacketiser.push(sequence, timestamp, flags & 0x80 != 0, payload) {
            assert!(unit.annex_b.len() <= MAX_ACCESS_UNIT);
            for (payload, _) in packetiser.packetise(&unit.annex_b) {
                assert!(payload.len() <= MAX_PAYLOAD);
            }
        }
    }
    let _ = sets.stap_a();
});
