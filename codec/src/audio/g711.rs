//! ITU-T G.711 between a byte and a linear sample of 16 bits (13 and 14 of which count).

/// A-law, table 1.
pub(super) fn decode_a(byte: u8) -> i16 {
    let byte = byte ^ 0x55;
    let (exponent, mantissa) = (byte >> 4 & 7, i16::from(byte & 15));
    let magnitude = match exponent {
        0 => mantissa << 4 | 8,
        _ => (mantissa << 4 | 0x108) << (exponent - 1),
    };
    if byte & 0x80 == 0 { -magnitude } else { magnitude }
}

/// A-law, table 1.
pub(super) fn encode_a(sample: i16) -> u8 {
    // the decision values of negative samples lie one lower: -1 is the first negative
    let (sign, magnitude) = if sample < 0 { (0, !sample) } else { (0x80, sample) };
    let magnitude = magnitude as u16;
    let exponent = exponent(magnitude);
    let byte = match exponent {
        0 | 1 => (magnitude >> 4) as u8,
        _ => exponent << 4 | (magnitude >> (exponent + 3)) as u8 & 15,
    };
    (sign | byte) ^ 0x55
}

/// µ-law, table 2.
pub(super) fn decode_mu(byte: u8) -> i16 {
    let byte = !byte;
    let (exponent, mantissa) = (byte >> 4 & 7, i16::from(byte & 15));
    let magnitude = ((mantissa << 3 | 0x84) << exponent) - MU_BIAS;
    if byte & 0x80 == 0 { magnitude } else { -magnitude }
}

/// µ-law, table 2.
pub(super) fn encode_mu(sample: i16) -> u8 {
    let (sign, magnitude) = if sample < 0 { (0x80, !sample) } else { (0, sample) };
    let magnitude = (magnitude.min(MU_CLIP) + MU_BIAS) as u16;
    let exponent = exponent(magnitude);
    !(sign | exponent << 4 | (magnitude >> (exponent + 3)) as u8 & 15)
}

const MU_BIAS: i16 = 0x84;
const MU_CLIP: i16 = i16::MAX - MU_BIAS;

/// The segment: 7 for 16384 and more, 0 below 256.
const fn exponent(magnitude: u16) -> u8 {
    15u32.saturating_sub((magnitude >> 7).leading_zeros()) as u8
}
