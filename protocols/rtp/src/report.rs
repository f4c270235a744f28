//! What a stream's reports say: receive statistics (RFC 3550 appendices A.1, A.3 and A.8) and send statistics.

use std::time::{Duration, Instant};

use crate::{
    rtcp::{ReportBlock, SenderInfo},
    sequence,
};

/// A step ahead larger than this may be a new series of sequence numbers (RFC 3550 appendix A.1).
const MAX_DROPOUT: i32 = 3000;
/// A step back larger than this too.
const MAX_MISORDER: i32 = 100;
/// So many packets in a row from behind are a sender that began anew.
const OUT_OF_ORDER_LIMIT: u8 = 10;
/// Seconds from 1900, where NTP begins, to 1970.
const NTP_TO_UNIX: u64 = 2_208_988_800;

/// How one stream arrives.
#[derive(Clone, Debug)]
pub struct ReceiveStats {
    rate: u32,
    source: Option<Source>,
}

#[derive(Clone, Debug)]
struct Source {
    ssrc: u32,
    /// The first sequence number, on the line without end.
    base: u64,
    /// The highest one.
    highest: u64,
    received: u64,
    /// At the last report.
    expected_prior: u64,
    received_prior: u64,
    /// The sequence number that would confirm a new series.
    confirm: Option<u16>,
    behind: u8,
    start: Instant,
    transit: Option<i64>,
    /// In timestamp units, times 16.
    jitter: u64,
    sender_report: Option<(u32, Instant)>,
}

impl ReceiveStats {
    /// For a stream whose timestamps run at `rate` Hz.
    pub const fn new(rate: u32) -> Self {
        Self { rate, source: None }
    }

    /// Counts a packet that arrived at `now`. Another SSRC begins anew.
    ///
    /// Returns `false` for a packet whose sequence number fits nowhere yet: it is not counted.
    pub fn received(&mut self, now: Instant, ssrc: u32, sequence: u16, timestamp: u32) -> bool {
        let rate = self.rate;
        let source = match &mut self.source {
            Some(source) if source.ssrc == ssrc => source,
            other => other.insert(Source::new(now, ssrc, sequence)),
        };
        if !source.count(sequence) {
            return false;
        }
        source.measure(now, timestamp, rate);
        true
    }

    /// Notes a sender report of this stream, for the times in our report block.
    pub fn sender_report(&mut self, now: Instant, info: &SenderInfo) {
        if let Some(source) = self.source.as_mut().filter(|source| source.ssrc == info.ssrc) {
            source.sender_report = Some(((info.ntp >> 16) as u32, now));
        }
    }

    /// The block for the next report, which begins a new interval for the fraction lost. `None` until a packet came.
    pub fn report_block(&mut self, now: Instant) -> Option<ReportBlock> {
        let source = self.source.as_mut()?;
        let expected = source.highest - source.base + 1;
        let lost = expected as i64 - source.received as i64;
        let expected_interval = expected.saturating_sub(source.expected_prior);
        let received_interval = source.received.saturating_sub(source.received_prior);
        source.expected_prior = expected;
        source.received_prior = source.received;
        let lost_interval = expected_interval.saturating_sub(received_interval);
        let fraction = (lost_interval << 8).checked_div(expected_interval).unwrap_or_default();
        let (last_sender_report, delay) = match source.sender_report {
            Some((middle, at)) => (middle, to_short(now.saturating_duration_since(at))),
            None => (0, 0),
        };
        Some(ReportBlock {
            ssrc: source.ssrc,
            fraction_lost: fraction.min(255) as u8,
            cumulative_lost: lost.clamp(-0x80_0000, 0x7F_FFFF) as i32,
            extended_sequence: source.highest as u32,
            jitter: (source.jitter >> 4) as u32,
            last_sender_report,
            delay,
        })
    }

    /// The stream that is being counted.
    pub fn ssrc(&self) -> Option<u32> {
        self.source.as_ref().map(|source| source.ssrc)
    }

    /// Packets counted since this SSRC began.
    pub fn packets(&self) -> u64 {
        self.source.as_ref().map_or(0, |source| source.received)
    }

    /// Interarrival jitter.
    pub fn jitter(&self) -> Duration {
        let units = self.source.as_ref().map_or(0, |source| source.jitter >> 4);
        Duration::from_micros(units.saturating_mul(1_000_000) / u64::from(self.rate.max(1)))
    }
}

impl Source {
    fn new(now: Instant, ssrc: u32, sequence: u16) -> Self {
        let mut source = Self {
            ssrc,
            base: 0,
            highest: 0,
            received: 0,
            expected_prior: 0,
            received_prior: 0,
            confirm: None,
            behind: 0,
            start: now,
            transit: None,
            jitter: 0,
            sender_report: None,
        };
        source.restart(sequence);
        source
    }

    /// Counts from here, as if nothing had come before. The caller counts the packet itself.
    fn restart(&mut self, sequence: u16) {
        self.base = sequence.into();
        self.highest = self.base;
        self.received = 0;
        self.expected_prior = 0;
        self.received_prior = 0;
        self.confirm = None;
        self.behind = 0;
        self.transit = None;
    }

    fn count(&mut self, sequence: u16) -> bool {
        let step = sequence::distance(sequence, self.highest as u16);
        if !(-MAX_MISORDER..=MAX_DROPOUT).contains(&step) {
            if self.confirm == Some(sequence) {
                self.restart(sequence);
            } else {
                self.confirm = Some(sequence.wrapping_add(1));
                return false;
            }
        } else if step > 0 {
            self.highest += step as u64;
            self.behind = 0;
        } else if step < 0 {
            self.behind += 1;
            if self.behind >= OUT_OF_ORDER_LIMIT {
                self.restart(sequence);
            }
        }
        self.received += 1;
        true
    }

    /// RFC 3550 appendix A.8.
    fn measure(&mut self, now: Instant, timestamp: u32, rate: u32) {
        let micros = now.saturating_duration_since(self.start).as_micros();
        let arrival = (micros * u128::from(rate) / 1_000_000) as u32;
        let transit = i64::from(arrival.wrapping_sub(timestamp) as i32);
        let last = self.transit.replace(transit);
        let Some(last) = last else { return };
        let difference = (transit as i32).wrapping_sub(last as i32).unsigned_abs();
        // More than ten seconds is a new clock, not jitter.
        if difference < rate.saturating_mul(10) {
            self.jitter = self.jitter + u64::from(difference) - ((self.jitter + 8) >> 4);
        }
    }
}

/// What one of our streams has sent.
#[derive(Clone, Debug)]
pub struct SendStats {
    ssrc: u32,
    rate: u32,
    packets: u32,
    octets: u32,
    last: Option<(u32, Instant)>,
}

impl SendStats {
    /// For our stream `ssrc`, whose timestamps run at `rate` Hz.
    pub const fn new(ssrc: u32, rate: u32) -> Self {
        Self { ssrc, rate, packets: 0, octets: 0, last: None }
    }

    /// Counts a packet with this timestamp and a payload of so many octets.
    pub fn sent(&mut self, now: Instant, timestamp: u32, payload: usize) {
        self.packets = self.packets.wrapping_add(1);
        self.octets = self.octets.wrapping_add(payload as u32);
        self.last = Some((timestamp, now));
    }

    /// What a sender report says at `now`, which is `unix_ms` on the wall clock (milliseconds since 1970). `None` until a
    /// packet was sent: send a receiver report then.
    pub fn sender_info(&self, now: Instant, unix_ms: u64) -> Option<SenderInfo> {
        let (timestamp, at) = self.last?;
        let since = now.saturating_duration_since(at).as_micros() * u128::from(self.rate) / 1_000_000;
        Some(SenderInfo {
            ssrc: self.ssrc,
            ntp: ntp(unix_ms),
            rtp_timestamp: timestamp.wrapping_add(since as u32),
            packets: self.packets,
            octets: self.octets,
        })
    }

    /// Our stream.
    pub const fn ssrc(&self) -> u32 {
        self.ssrc
    }

    /// Packets sent, modulo 2^32.
    pub const fn packets(&self) -> u32 {
        self.packets
    }
}

/// NTP time from milliseconds since 1970.
pub const fn ntp(unix_ms: u64) -> u64 {
    let seconds = (unix_ms / 1000 + NTP_TO_UNIX) & 0xFFFF_FFFF;
    (seconds << 32) | ((unix_ms % 1000) * 0x1_0000_0000 / 1000)
}

/// The round trip that a block about one of our streams tells (RFC 3550 §6.4.1); `None` when its sender has seen no
/// report of ours, or the clocks leapt.
pub fn round_trip(unix_ms: u64, block: &ReportBlock) -> Option<Duration> {
    if block.last_sender_report == 0 {
        return None;
    }
    let now = (ntp(unix_ms) >> 16) as u32;
    let units = now.wrapping_sub(block.last_sender_report).wrapping_sub(block.delay);
    // The wall clock has millisecond steps, so a very short trip may come out below zero.
    let units = if units > u32::MAX - 256 { 0 } else { units };
    (units < 60 << 16).then(|| Duration::from_micros((u64::from(units) * 1_000_000) >> 16))
}

/// A duration in 1/65536 s.
fn to_short(duration: Duration) -> u32 {
    (duration.as_micros() * 65_536 / 1_000_000).min(u128::from(u32::MAX)) as u32
}

#[cfg(test)]
mod tests;
