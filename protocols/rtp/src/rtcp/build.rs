//! What we send. Every packet is a compound of a report, our CNAME and, if so, the feedback (RFC 3550 §6.1).

use rtcp_types::{
    Bye, Compound, CompoundBuilder, Fir, PayloadFeedback, Pli, ReceiverReport, ReportBlock as Block, Sdes,
    SdesChunk, SdesItem, SenderReport, TransportFeedback,
    prelude::{RtcpPacketWriter, RtcpPacketWriterExt},
};

use super::{
    Limit, ReportBlock,
    limits::{TmmbnFci, TmmbrFci},
};

/// SDES item type of the CNAME.
pub(super) const CNAME: u8 = 1;
/// A report counts its blocks in five bits.
const MAX_BLOCKS: usize = 31;
/// An SDES item counts its octets in eight bits.
const MAX_CNAME: usize = 255;
/// More limits than this nobody sets.
const MAX_LIMITS: usize = 16;

/// What a sender report says of its sender's own stream (RFC 3550 §6.4.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SenderInfo {
    /// The sender's stream.
    pub ssrc: u32,
    /// Wall clock: seconds since 1900 in the upper half, their fraction in the lower.
    pub ntp: u64,
    /// The same instant on the stream's clock.
    pub rtp_timestamp: u32,
    /// Packets sent.
    pub packets: u32,
    /// Payload octets sent.
    pub octets: u32,
}

/// A sender report with up to 31 blocks, and our CNAME.
pub fn sender_report(info: &SenderInfo, blocks: &[ReportBlock], cname: &str) -> Vec<u8> {
    let mut report = SenderReport::builder(info.ssrc)
        .ntp_timestamp(info.ntp)
        .rtp_timestamp(info.rtp_timestamp)
        .packet_count(info.packets)
        .octet_count(info.octets);
    for block in blocks.iter().take(MAX_BLOCKS) {
        report = report.add_report_block(block.builder());
    }
    finish(Compound::builder().add_packet(report).add_packet(description(info.ssrc, cname)))
}

/// A receiver report with up to 31 blocks, and our CNAME.
pub fn receiver_report(ssrc: u32, blocks: &[ReportBlock], cname: &str) -> Vec<u8> {
    finish(begin(ssrc, blocks, cname))
}

/// A picture loss indication about the stream `media` (RFC 4585 §6.3.1).
pub fn pli(sender: u32, media: u32, cname: &str) -> Vec<u8> {
    let pli = PayloadFeedback::builder_owned(Pli::builder()).sender_ssrc(sender).media_ssrc(media);
    finish(begin(sender, &[], cname).add_packet(pli))
}

/// A full intra request to the stream `media` (RFC 5104 §4.3.1). `sequence` grows with each new request and stays when
/// one is repeated.
pub fn fir(sender: u32, media: u32, sequence: u8, cname: &str) -> Vec<u8> {
    // The header's media SSRC is not used and zero (RFC 5104 §4.3.1.2).
    let fir = PayloadFeedback::builder_owned(Fir::builder().add_ssrc(media, sequence)).sender_ssrc(sender);
    finish(begin(sender, &[], cname).add_packet(fir))
}

/// A request that the stream `media` stays below `bitrate` bit/s (RFC 5104 §4.2.1).
pub fn tmmbr(sender: u32, limit: Limit, cname: &str) -> Vec<u8> {
    let tmmbr = TransportFeedback::builder_owned(TmmbrFci(vec![limit])).sender_ssrc(sender);
    finish(begin(sender, &[], cname).add_packet(tmmbr))
}

/// What limits hold now, each with the SSRC of who set it (RFC 5104 §4.2.2): the answer to a TMMBR.
pub fn tmmbn(sender: u32, limits: &[Limit], cname: &str) -> Vec<u8> {
    let limits = limits.iter().take(MAX_LIMITS).copied().collect();
    let tmmbn = TransportFeedback::builder_owned(TmmbnFci(limits)).sender_ssrc(sender);
    finish(begin(sender, &[], cname).add_packet(tmmbn))
}

/// The end of our stream.
pub fn bye(ssrc: u32, cname: &str) -> Vec<u8> {
    finish(begin(ssrc, &[], cname).add_packet(Bye::builder().add_source(ssrc)))
}

fn begin<'a>(ssrc: u32, blocks: &[ReportBlock], cname: &'a str) -> CompoundBuilder<'a> {
    let mut report = ReceiverReport::builder(ssrc);
    for block in blocks.iter().take(MAX_BLOCKS) {
        report = report.add_report_block(block.builder());
    }
    Compound::builder().add_packet(report).add_packet(description(ssrc, cname))
}

fn description(ssrc: u32, cname: &str) -> rtcp_types::SdesBuilder<'_> {
    let cname = cname.get(..cname.floor_char_boundary(MAX_CNAME)).unwrap_or_default();
    Sdes::builder().add_chunk(SdesChunk::builder(ssrc).add_item(SdesItem::builder(CNAME, cname)))
}

fn finish(compound: CompoundBuilder<'_>) -> Vec<u8> {
    // All counts and lengths were cut to what the format holds, so there is always a size.
    let mut packet = vec![0; compound.calculate_size().unwrap_or_default()];
    let length = compound.write_into(&mut packet).unwrap_or_default();
    packet.truncate(length);
    packet
}

impl ReportBlock {
    fn builder(&self) -> rtcp_types::ReportBlockBuilder {
        Block::builder(self.ssrc)
            .fraction_lost(self.fraction_lost)
            .cumulative_lost(self.cumulative_lost.clamp(-0x80_0000, 0x7F_FFFF) as u32 & 0xFF_FFFF)
            .extended_sequence_number(self.extended_sequence)
            .interarrival_jitter(self.jitter)
            .last_sender_report_timestamp(self.last_sender_report)
            .delay_since_last_sender_report_timestamp(self.delay)
    }
}
