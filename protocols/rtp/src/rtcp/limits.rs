//! The feedback that `rtcp-types` does not know: TMMBR, TMMBN (RFC 5104 §4.2) and REMB.

use rtcp_types::{
    RtcpParseError, RtcpWriteError,
    prelude::{FciBuilder, FciParser, RtcpPacketWriter},
};

use super::{Limit, MAX_ENTRIES};

/// Two words each: SSRC; exponent (6 bits), mantissa (17 bits), overhead (9 bits).
const LIMIT_LEN: usize = 8;

/// The content of a TMMBR.
#[derive(Debug)]
pub(super) struct TmmbrFci(pub(super) Vec<Limit>);

/// The content of a TMMBN, which may be empty: no limit any more.
#[derive(Debug)]
pub(super) struct TmmbnFci(pub(super) Vec<Limit>);

/// The content of a REMB: "REMB", number of SSRCs (8 bits), exponent (6 bits), mantissa (18 bits), SSRCs.
#[derive(Debug)]
pub(super) struct RembFci {
    pub(super) bitrate: u64,
    pub(super) ssrcs: Vec<u32>,
}

fn read_limits(data: &[u8]) -> Vec<Limit> {
    let (limits, _) = data.as_chunks::<LIMIT_LEN>();
    limits
        .iter()
        .take(MAX_ENTRIES)
        .map(|&[s0, s1, s2, s3, v0, v1, v2, v3]| {
            let value = u32::from_be_bytes([v0, v1, v2, v3]);
            let (exponent, mantissa) = (value >> 26, u64::from(value >> 9 & 0x1_FFFF));
            Limit {
                ssrc: u32::from_be_bytes([s0, s1, s2, s3]),
                bitrate: shift(mantissa, exponent),
                overhead: (value & 0x1FF) as u16,
            }
        })
        .collect()
}

/// Exponents up to 63 do not fit: then there is no limit in practice.
fn shift(mantissa: u64, exponent: u32) -> u64 {
    if mantissa.leading_zeros() >= exponent { mantissa << exponent } else { u64::MAX }
}

fn write_limits(limits: &[Limit], buffer: &mut [u8]) -> usize {
    let (places, _) = buffer.as_chunks_mut::<LIMIT_LEN>();
    for (place, limit) in places.iter_mut().zip(limits) {
        // The mantissa has 17 bits; what is cut off makes the limit lower, never higher.
        let exponent = (64 - limit.bitrate.leading_zeros()).saturating_sub(17);
        let mantissa = (limit.bitrate >> exponent) as u32;
        let value = exponent << 26 | mantissa << 9 | u32::from(limit.overhead.min(0x1FF));
        let [s0, s1, s2, s3] = limit.ssrc.to_be_bytes();
        let [v0, v1, v2, v3] = value.to_be_bytes();
        *place = [s0, s1, s2, s3, v0, v1, v2, v3];
    }
    limits.len() * LIMIT_LEN
}

impl FciParser<'_> for TmmbrFci {
    const PACKET_TYPE: rtcp_types::FciFeedbackPacketType = rtcp_types::FciFeedbackPacketType::TRANSPORT;
    const FCI_FORMAT: u8 = 3;

    fn parse(data: &[u8]) -> Result<Self, RtcpParseError> {
        Ok(Self(read_limits(data)))
    }
}

impl FciParser<'_> for TmmbnFci {
    const PACKET_TYPE: rtcp_types::FciFeedbackPacketType = rtcp_types::FciFeedbackPacketType::TRANSPORT;
    const FCI_FORMAT: u8 = 4;

    fn parse(data: &[u8]) -> Result<Self, RtcpParseError> {
        Ok(Self(read_limits(data)))
    }
}

impl FciParser<'_> for RembFci {
    const PACKET_TYPE: rtcp_types::FciFeedbackPacketType = rtcp_types::FciFeedbackPacketType::PAYLOAD;
    /// Application layer feedback.
    const FCI_FORMAT: u8 = 15;

    fn parse(data: &[u8]) -> Result<Self, RtcpParseError> {
        let truncated = RtcpParseError::Truncated { expected: 8, actual: data.len() };
        let Some((&[b'R', b'E', b'M', b'B', count, b0, b1, b2], rest)) = data.split_first_chunk::<8>() else {
            return Err(truncated);
        };
        let value = u32::from_be_bytes([0, b0, b1, b2]);
        let (ssrcs, _) = rest.as_chunks::<4>();
        Ok(Self {
            bitrate: shift(u64::from(value & 0x3_FFFF), value >> 18),
            ssrcs: ssrcs.iter().take(usize::from(count)).copied().map(u32::from_be_bytes).collect(),
        })
    }
}

/// Writers differ in their format number alone.
macro_rules! limit_writer {
    ($fci:ty) => {
        impl RtcpPacketWriter for $fci {
            fn calculate_size(&self) -> Result<usize, RtcpWriteError> {
                Ok(self.0.len() * LIMIT_LEN)
            }

            fn write_into_unchecked(&self, buffer: &mut [u8]) -> usize {
                write_limits(&self.0, buffer)
            }

            fn get_padding(&self) -> Option<u8> {
                None
            }
        }

        impl FciBuilder<'_> for $fci {
            fn format(&self) -> u8 {
                <Self as FciParser<'_>>::FCI_FORMAT
            }

            fn supports_feedback_type(&self) -> rtcp_types::FciFeedbackPacketType {
                <Self as FciParser<'_>>::PACKET_TYPE
            }
        }
    };
}

limit_writer!(TmmbrFci);
limit_writer!(TmmbnFci);
