//! RTCP (RFC 3550 §6), feedback for video (RFC 4585, RFC 5104) and REMB.
//!
//! Reading forgives: a packet in a compound that cannot be read does not spoil the others, and reduced-size packets
//! (RFC 5506) are taken. What we write is always compound: a report and the CNAME first, for old endpoints want that.

mod build;
mod limits;
#[cfg(test)]
mod tests;

use rtcp_types::{
    Bye, Packet, PayloadFeedback, ReceiverReport, RtcpPacket, RtcpPacketParser, Sdes, SenderReport,
    TransportFeedback, prelude::RtcpPacketParserExt,
};

pub use build::{SenderInfo, bye, fir, pli, receiver_report, sender_report, tmmbn, tmmbr};
use limits::{RembFci, TmmbnFci, TmmbrFci};

/// The most packets of one compound that are read.
const MAX_PACKETS: usize = 32;
/// The most entries of one packet that are kept.
const MAX_ENTRIES: usize = 256;

/// One packet of a compound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// BYE: these sources have ended.
    Bye { ssrcs: Vec<u32> },
    /// Full intra request (RFC 5104 §4.3.1). Asks as many times as it has new sequence numbers.
    Fir { sender: u32, entries: Vec<FirEntry> },
    /// Packets to be sent again (RFC 4585 §6.2.1).
    Nack { sender: u32, media: u32, sequences: Vec<u16> },
    /// Any other packet, with its packet type.
    Other { packet_type: u8 },
    /// Picture loss indication (RFC 4585 §6.3.1).
    Pli { sender: u32, media: u32 },
    /// How the sender's streams arrive.
    ReceiverReport { ssrc: u32, blocks: Vec<ReportBlock> },
    /// Receiver estimated maximum bitrate, in bit/s, over these sources together.
    Remb { sender: u32, bitrate: u64, ssrcs: Vec<u32> },
    /// Source description: each source's CNAME, where it has one.
    Sdes { cnames: Vec<(u32, String)> },
    /// What was sent until when, and how our streams arrive.
    SenderReport { info: SenderInfo, blocks: Vec<ReportBlock> },
    /// What a temporary limit is now (RFC 5104 §4.2.2).
    Tmmbn { sender: u32, limits: Vec<Limit> },
    /// A request for a temporary limit (RFC 5104 §4.2.1); answer with [`tmmbn`].
    Tmmbr { sender: u32, limits: Vec<Limit> },
}

/// One request of a FIR.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FirEntry {
    /// The source that shall send an intra picture.
    pub ssrc: u32,
    /// The same number is a repetition of the same request.
    pub sequence: u8,
}

/// One limit of a TMMBR or TMMBN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// The source that shall obey; in a TMMBN the one that set the limit.
    pub ssrc: u32,
    /// bit/s, with the overhead.
    pub bitrate: u64,
    /// Octets per packet below RTP that count into it.
    pub overhead: u16,
}

/// How one stream arrives (RFC 3550 §6.4.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReportBlock {
    /// The stream.
    pub ssrc: u32,
    /// Lost since the last report, in 1/256.
    pub fraction_lost: u8,
    /// Lost since the beginning, 24 bits; below zero when duplicates came.
    pub cumulative_lost: i32,
    /// The highest sequence number, with the number of turns in the upper half.
    pub extended_sequence: u32,
    /// Interarrival jitter in timestamp units.
    pub jitter: u32,
    /// The middle of the NTP time of the last sender report; 0 if none came.
    pub last_sender_report: u32,
    /// Since then, in 1/65536 s.
    pub delay: u32,
}

/// Why a datagram is no RTCP packet at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RtcpError {
    /// Too short, or its first packet is longer than the datagram.
    #[error("RTCP packet is truncated")]
    Truncated,
    /// Not version 2.
    #[error("not RTCP version 2")]
    Version,
}

/// Reads a datagram: one packet or a compound. What cannot be read in it is left out.
///
/// # Errors
/// [`RtcpError`] when not even the first packet can be cut out.
pub fn parse(datagram: &[u8]) -> Result<Vec<Item>, RtcpError> {
    let mut items = Vec::new();
    let mut rest = datagram;
    for count in 0..MAX_PACKETS {
        let Some(&[first, _, high, low]) = rest.first_chunk::<4>() else {
            if count == 0 {
                return Err(RtcpError::Truncated);
            }
            break;
        };
        if first >> 6 != 2 {
            if count == 0 {
                return Err(RtcpError::Version);
            }
            break;
        }
        let length = 4 * (usize::from(u16::from_be_bytes([high, low])) + 1);
        let Some((packet, behind)) = rest.split_at_checked(length) else {
            if count == 0 {
                return Err(RtcpError::Truncated);
            }
            break;
        };
        rest = behind;
        items.extend(read(packet));
    }
    Ok(items)
}

/// One packet, exactly as long as its header says.
fn read(packet: &[u8]) -> Option<Item> {
    if let [first, .., padding] = packet
        && first & 0x20 != 0
    {
        // The parser believes the padding length of some packet types; take the padding off before.
        let kept =
            packet.len().checked_sub(usize::from(*padding)).filter(|kept| *padding != 0 && kept % 4 == 0)?;
        let mut plain = packet.get(..kept)?.to_vec();
        let words = u16::try_from(kept.checked_sub(4)? / 4).ok()?;
        *plain.first_mut()? &= !0x20;
        plain.get_mut(2..4)?.copy_from_slice(&words.to_be_bytes());
        return read(&plain);
    }
    let packet_type = *packet.get(1)?;
    match packet_type {
        SenderReport::PACKET_TYPE
        | ReceiverReport::PACKET_TYPE
        | Sdes::PACKET_TYPE
        | Bye::PACKET_TYPE
        | TransportFeedback::PACKET_TYPE
        | PayloadFeedback::PACKET_TYPE => {}
        _ => return Some(Item::Other { packet_type }),
    }
    Some(match Packet::parse(packet).ok()? {
        Packet::Sr(report) => Item::SenderReport {
            info: SenderInfo {
                ssrc: report.ssrc(),
                ntp: report.ntp_timestamp(),
                rtp_timestamp: report.rtp_timestamp(),
                packets: report.packet_count(),
                octets: report.octet_count(),
            },
            blocks: report.report_blocks().map(ReportBlock::from).collect(),
        },
        Packet::Rr(report) => Item::ReceiverReport {
            ssrc: report.ssrc(),
            blocks: report.report_blocks().map(ReportBlock::from).collect(),
        },
        Packet::Bye(bye) => Item::Bye { ssrcs: bye.ssrcs().take(MAX_ENTRIES).collect() },
        Packet::Sdes(sdes) => Item::Sdes { cnames: cnames(&sdes) },
        Packet::PayloadFeedback(feedback) => read_payload_feedback(&feedback),
        Packet::TransportFeedback(feedback) => read_transport_feedback(&feedback),
        _ => Item::Other { packet_type },
    })
}

fn read_payload_feedback(feedback: &PayloadFeedback<'_>) -> Item {
    use rtcp_types::{Fir, Pli};

    let (sender, media) = (feedback.sender_ssrc(), feedback.media_ssrc());
    if feedback.parse_fci::<Pli<'_>>().is_ok() {
        return Item::Pli { sender, media };
    }
    if let Ok(fir) = feedback.parse_fci::<Fir<'_>>() {
        let entries = fir.entries().take(MAX_ENTRIES);
        let entries = entries.map(|entry| FirEntry { ssrc: entry.ssrc(), sequence: entry.sequence() });
        return Item::Fir { sender, entries: entries.collect() };
    }
    if let Ok(RembFci { bitrate, ssrcs }) = feedback.parse_fci() {
        return Item::Remb { sender, bitrate, ssrcs };
    }
    Item::Other { packet_type: feedback.type_() }
}

fn read_transport_feedback(feedback: &TransportFeedback<'_>) -> Item {
    let (sender, media) = (feedback.sender_ssrc(), feedback.media_ssrc());
    if let Ok(nack) = feedback.parse_fci::<rtcp_types::Nack<'_>>() {
        return Item::Nack { sender, media, sequences: nack.entries().take(MAX_ENTRIES).collect() };
    }
    if let Ok(TmmbrFci(limits)) = feedback.parse_fci() {
        return Item::Tmmbr { sender, limits };
    }
    if let Ok(TmmbnFci(limits)) = feedback.parse_fci() {
        return Item::Tmmbn { sender, limits };
    }
    Item::Other { packet_type: feedback.type_() }
}

fn cnames(sdes: &Sdes<'_>) -> Vec<(u32, String)> {
    let chunks = sdes.chunks().take(MAX_ENTRIES);
    chunks
        .filter_map(|chunk| {
            let cname = chunk.items().find(|item| item.type_() == build::CNAME)?;
            Some((chunk.ssrc(), String::from_utf8_lossy(cname.value()).into_owned()))
        })
        .collect()
}

impl From<rtcp_types::ReportBlock<'_>> for ReportBlock {
    fn from(block: rtcp_types::ReportBlock<'_>) -> Self {
        Self {
            ssrc: block.ssrc(),
            fraction_lost: block.fraction_lost(),
            // 24 bits with a sign.
            cumulative_lost: (block.cumulative_lost() << 8) as i32 >> 8,
            extended_sequence: block.extended_sequence_number(),
            jitter: block.interarrival_jitter(),
            last_sender_report: block.last_sender_report_timestamp(),
            delay: block.delay_since_last_sender_report_timestamp(),
        }
    }
}
