//! The payload format from both ends.

use super::*;

fn annex_b(nals: &[&[u8]]) -> Vec<u8> {
    nals.iter().flat_map(|nal| [&[0, 0, 0, 1], *nal].concat()).collect()
}

fn idr_frame(length: usize) -> Vec<u8> {
    let mut slice = vec![0x65, 0x88];
    slice.resize(length, 0xAB);
    annex_b(&[&[0x67, 0x42, 0xE0, 0x1F, 0x96], &[0x68, 0xCE, 0x3C, 0x80 | 1], &slice])
}

#[test]
fn mode_1_cuts_equal_pieces_and_comes_back() {
    let frame = idr_frame(5000);
    let payloads = Packetiser::new(PacketizationMode::NonInterleaved, MAX_PAYLOAD).packetise(&frame);
    let lengths: Vec<_> = payloads.iter().map(|(payload, _)| payload.len()).collect();
    assert_eq!(lengths, [14, 1002, 1002, 1002, 1002, 1001]);
    assert_eq!(
        payloads.iter().map(|(_, marker)| *marker).collect::<Vec<_>>(),
        [false, false, false, false, false, true]
    );
    let mut depacketiser = Depacketiser::new();
    let units: Vec<_> = payloads
        .iter()
        .zip(65_533u16..=u16::MAX)
        .chain(payloads.iter().skip(3).zip(0u16..))
        .flat_map(|((payload, marker), sequence)| depacketiser.push(sequence, 90_000, *marker, payload))
        .collect();
    assert_eq!(units, [AccessUnit { timestamp: 90_000, annex_b: frame, idr: true, complete: true }]);
}
