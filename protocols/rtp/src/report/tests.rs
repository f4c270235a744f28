//! The numbers of RFC 3550.

use crate::testing::epoch;

use super::*;

const MS: Duration = Duration::from_millis(1);

/// Packets of 20 ms at 8 kHz that arrive on time.
fn feed(stats: &mut ReceiveStats, start: Instant, sequences: impl IntoIterator<Item = u16>) -> u32 {
    let counted = sequences.into_iter().map(|sequence| {
        let time = u32::from(sequence) * 20;
        stats.received(start + MS * time, 1, sequence, u32::from(sequence) * 160)
    });
    counted.map(u32::from).sum()
}

#[test]
fn loss_is_told_in_sum_and_since_the_last_report() {
    let start = epoch();
    let mut stats = ReceiveStats::new(8000);
    assert_eq!(stats.report_block(start), None);
    feed(&mut stats, start, (0..100).filter(|sequence| sequence % 4 != 3));
    let block = stats.report_block(start).unwrap();
    // The very last is lost too, but nobody knows yet.
    assert_eq!((block.cumulative_lost, block.extended_sequence), (24, 98));
    assert_eq!(block.fraction_lost, (24 * 256 / 99) as u8);
    feed(&mut stats, start, 99..199);
    let block = stats.report_block(start).unwrap();
    assert_eq!((block.cumulative_lost, block.fraction_lost), (24, 0));
    feed(&mut stats, start, [198, 198]);
    assert_eq!(stats.report_block(start).unwrap().cumulative_lost, 22, "duplicates count as received");
}

#[test]
fn the_extended_sequence_number_turns() {
    let (start, mut stats) = (epoch(), ReceiveStats::new(8000));
    assert_eq!(feed(&mut stats, start, [65_534, 65_535, 0, 2, 1]), 5);
    let block = stats.report_block(start).unwrap();
    assert_eq!((block.extended_sequence, block.cumulative_lost), (0x1_0002, 0));
}

#[test]
fn a_new_series_needs_two_in_a_row() {
    let (start, mut stats) = (epoch(), ReceiveStats::new(8000));
    feed(&mut stats, start, 0..10);
    assert_eq!(feed(&mut stats, start, [30_000, 10, 11, 40_000, 20_000]), 2, "strays are not counted");
    assert_eq!(feed(&mut stats, start, [30_000, 30_001, 30_002]), 2);
    let block = stats.report_block(start).unwrap();
    assert_eq!((block.extended_sequence, block.cumulative_lost), (30_002, 0));
}

#[test]
fn ten_in_a_row_from_behind_are_a_restart() {
    let (start, mut stats) = (epoch(), ReceiveStats::new(8000));
    feed(&mut stats, start, 0..100);
    feed(&mut stats, start, 40..49);
    assert_eq!(stats.report_block(start).unwrap().extended_sequence, 99);
    feed(&mut stats, start, 49..52);
    let block = stats.report_block(start).unwrap();
    assert_eq!((block.extended_sequence, block.cumulative_lost), (51, 0));
}

#[test]
fn another_ssrc_begins_anew() {
    let (start, mut stats) = (epoch(), ReceiveStats::new(8000));
    feed(&mut stats, start, [0, 50]);
    stats.received(start, 2, 9, 0);
    let block = stats.report_block(start).unwrap();
    assert_eq!((block.ssrc, block.extended_sequence, block.cumulative_lost), (2, 9, 0));
}

#[test]
fn jitter_settles_at_the_mean_difference() {
    let (start, mut stats) = (epoch(), ReceiveStats::new(8000));
    feed(&mut stats, start, 0..50);
    assert_eq!(stats.report_block(start).unwrap().jitter, 0, "on time");
    // Every second packet 10 ms late: the difference is 80 units each time.
    for sequence in 50..250u16 {
        let late = if sequence % 2 == 0 { 10 } else { 0 };
        stats.received(
            start + MS * (u32::from(sequence) * 20 + late),
            1,
            sequence,
            u32::from(sequence) * 160,
        );
    }
    let jitter = stats.report_block(start).unwrap().jitter;
    assert!((78..=80).contains(&jitter), "{jitter}");
    assert!(stats.jitter() >= Duration::from_micros(9_700), "{:?}", stats.jitter());
}

#[test]
fn times_of_sender_reports() {
    let (start, mut stats) = (epoch(), ReceiveStats::new(8000));
    feed(&mut stats, start, [0]);
    let info = |ssrc| SenderInfo { ssrc, ntp: 0x1111_2222_3333_4444, ..SenderInfo::default() };
    stats.sender_report(start, &info(7));
    assert_eq!(stats.report_block(start).unwrap().last_sender_report, 0, "another stream's");
    stats.sender_report(start, &info(1));
    let block = stats.report_block(start + 500 * MS).unwrap();
    assert_eq!((block.last_sender_report, block.delay), (0x2222_3333, 32_768));
}

#[test]
fn a_sender_report_is_of_now() {
    let start = epoch();
    let mut stats = SendStats::new(5, 90_000);
    assert_eq!(stats.sender_info(start, 0), None);
    stats.sent(start, 0xFFFF_FFFF, 1000);
    stats.sent(start, 0xFFFF_FFFF, 200);
    let info = stats.sender_info(start + 100 * MS, 1_500).unwrap();
    assert_eq!(
        info,
        SenderInfo {
            ssrc: 5,
            ntp: (2_208_988_801 << 32) + (1 << 31),
            rtp_timestamp: 8_999,
            packets: 2,
            octets: 1200
        }
    );
}

#[test]
fn the_round_trip_of_rfc_3550() {
    // Figure 2 of the RFC: 6.125 s.
    let unix = 1_000_000;
    let sent = (ntp(unix) >> 16) as u32;
    let block = ReportBlock { last_sender_report: sent, delay: 0x0005_4000, ..ReportBlock::default() };
    assert_eq!(round_trip(unix + 11_375, &block), Some(Duration::from_millis(6_125)));
    assert_eq!(round_trip(unix + 5_249, &block), Some(Duration::ZERO), "a step of the wall clock");
    assert_eq!(round_trip(unix, &block), None, "a leap of the wall clock");
    assert_eq!(round_trip(unix, &ReportBlock::default()), None);
}
