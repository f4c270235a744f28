//! H.264 as RFC 6184 §8.1 signals it: profile, level, packetization mode and the parameters that widen a level.

use std::fmt;

use super::format::Parameters;

/// `profile-level-id`: profile_idc, profile-iop and level_idc.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ProfileLevelId {
    /// 66 Baseline, 77 Main, 100 High.
    pub profile_idc: u8,
    /// The constraint_set flags, set0 in the highest bit.
    pub constraints: u8,
    /// Ten times the level's number.
    pub level_idc: u8,
}

impl ProfileLevelId {
    /// Reads six hexadecimal digits of any case.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() != 6 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
            return None;
        }
        let bits = u32::from_str_radix(text, 16).ok()?;
        let [_, profile_idc, constraints, level_idc] = bits.to_be_bytes();
        Some(Self { profile_idc, constraints, level_idc })
    }

    /// The three octets in order.
    pub const fn octets(self) -> [u8; 3] {
        [self.profile_idc, self.constraints, self.level_idc]
    }

    /// Which kind of stream this is to us; none for what we never take (SVC, High 10, 4:2:2 and the like).
    pub const fn class(self) -> Option<ProfileClass> {
        match self.profile_idc {
            // Endpoints write Baseline with and without constraint_set1; none sends FMO or ASO.
            66 => Some(ProfileClass::ConstrainedBaseline),
            // Main or Extended with constraint_set0: also decodable as Baseline (H.264 A.2.1).
            77 | 88 if self.constraints & 0x80 != 0 => Some(ProfileClass::ConstrainedBaseline),
            77 => Some(ProfileClass::Main),
            100 => Some(ProfileClass::High),
            _ => None,
        }
    }

    /// The level, with level 1b told apart from 1.1 (H.264 A.3.1).
    pub const fn level(self) -> Level {
        let with_flag = self.level_idc == 11 && self.constraints & 0x10 != 0;
        if self.level_idc == 9 || (with_flag && matches!(self.profile_idc, 66 | 77 | 88)) {
            Level::L1B
        } else {
            Level { idc: self.level_idc, b: false }
        }
    }

    /// The same profile and constraints at another level.
    #[must_use]
    pub const fn at(self, level: Level) -> Self {
        if level.b && self.profile_idc != 100 {
            return Self { constraints: self.constraints | 0x10, level_idc: 11, ..self };
        }
        // constraint_set3 means level 1b only beside level_idc 11; elsewhere it is part of the profile.
        let constraints =
            if self.level().b && !level.b { self.constraints & !0x10 } else { self.constraints };
        Self { constraints, level_idc: level.idc, ..self }
    }
}

impl fmt::Display for ProfileLevelId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02x}{:02x}{:02x}", self.profile_idc, self.constraints, self.level_idc)
    }
}

impl fmt::Debug for ProfileLevelId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What a decoder must be able to do for a profile, the simplest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ProfileClass {
    /// Every decoder takes it, browsers too.
    ConstrainedBaseline,
    /// CABAC, B pictures.
    Main,
    /// 8x8 transform; not sent nor taken by Chromium.
    High,
}

/// A level of H.264 Table A-1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Level {
    idc: u8,
    b: bool,
}

impl Level {
    /// Level 1b, between 1 and 1.1.
    pub const L1B: Self = Self { idc: 9, b: true };

    /// By level_idc, ten times its number.
    pub const fn from_idc(idc: u8) -> Self {
        Self { idc, b: idc == 9 }
    }

    /// The lower of two.
    #[must_use]
    pub fn min(self, other: Self) -> Self {
        if self.rank() <= other.rank() { self } else { other }
    }

    const fn rank(self) -> (u8, u8) {
        if self.b { (10, 1) } else { (self.idc, 0) }
    }

    /// MaxMBPS: macroblocks a second.
    pub const fn max_mbps(self) -> u32 {
        self.limits().0
    }

    /// MaxFS: macroblocks a frame.
    pub const fn max_fs(self) -> u32 {
        self.limits().1
    }

    /// MaxBR, in the units of `max-br`: 1200 bit/s for Baseline and Main, 1500 for High.
    pub const fn max_br(self) -> u32 {
        self.limits().2
    }

    /// Rows of Table A-1. A level that is not in the table has the limits of the next lower one.
    const fn limits(self) -> (u32, u32, u32) {
        if self.b {
            return (1_485, 99, 128);
        }
        match self.idc {
            0..=10 => (1_485, 99, 64),
            11 => (3_000, 396, 192),
            12 => (6_000, 396, 384),
            13..=19 => (11_880, 396, 768),
            20 => (11_880, 396, 2_000),
            21 => (19_800, 792, 4_000),
            22..=29 => (20_250, 1_620, 4_000),
            30 => (40_500, 1_620, 10_000),
            31 => (108_000, 3_600, 14_000),
            32..=39 => (216_000, 5_120, 20_000),
            40 => (245_760, 8_192, 20_000),
            41 => (245_760, 8_192, 50_000),
            42..=49 => (522_240, 8_704, 50_000),
            50 => (589_824, 22_080, 135_000),
            51 => (983_040, 36_864, 240_000),
            _ => (2_073_600, 36_864, 240_000),
        }
    }
}

/// One H.264 payload format as a side describes what it receives (RFC 6184 §8.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct H264 {
    /// Profile and level. Missing means Baseline at level 1.
    pub profile_level_id: ProfileLevelId,
    /// 0 single NAL units, 1 also STAP-A and FU-A, 2 interleaved. Missing means 0.
    pub packetization_mode: u8,
    /// Macroblocks a second, if stated.
    pub max_mbps: Option<u32>,
    /// Static macroblocks a second, if stated.
    pub max_smbps: Option<u32>,
    /// Macroblocks a frame, if stated.
    pub max_fs: Option<u32>,
    /// Decoded picture buffer, in units of H.264's MaxDpbMbs, if stated.
    pub max_dpb: Option<u32>,
    /// Bit rate, in units of 1200 bit/s (1500 in High), if stated.
    pub max_br: Option<u32>,
    /// Frames a hundred seconds, if stated (a vendor's parameter that many send).
    pub max_fps: Option<u32>,
    /// Whether the two ways may differ in level.
    pub level_asymmetry_allowed: bool,
}

impl H264 {
    /// Reads a format's parameters. An unreadable `profile-level-id` counts as missing.
    pub fn from_parameters(p: &Parameters) -> Self {
        Self {
            profile_level_id: p
                .value("profile-level-id")
                .and_then(ProfileLevelId::parse)
                .unwrap_or(ProfileLevelId { profile_idc: 66, constraints: 0, level_idc: 10 }),
            packetization_mode: p.number("packetization-mode").map_or(0, |m| m.min(255) as u8),
            max_mbps: p.number("max-mbps"),
            max_smbps: p.number("max-smbps"),
            max_fs: p.number("max-fs"),
            max_dpb: p.number("max-dpb"),
            max_br: p.number("max-br"),
            max_fps: p.number("max-fps"),
            level_asymmetry_allowed: p.value("level-asymmetry-allowed") == Some("1"),
        }
    }

    /// Macroblocks a frame that this side takes: the level's limit or more.
    pub fn frame_size_limit(&self) -> u32 {
        self.profile_level_id.level().max_fs().max(self.max_fs.unwrap_or(0))
    }

    /// Macroblocks a second that this side takes: the level's limit or more.
    pub fn macroblock_rate_limit(&self) -> u32 {
        self.profile_level_id.level().max_mbps().max(self.max_mbps.unwrap_or(0))
    }

    /// Bits a second of the NAL stream that this side takes: `max-br` if stated, else the level's limit.
    pub fn bit_rate_limit(&self) -> u64 {
        let unit = if self.profile_level_id.profile_idc == 100 { 1_500 } else { 1_200 };
        u64::from(self.max_br.unwrap_or_else(|| self.profile_level_id.level().max_br())) * unit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn profile_level_id_in_any_case() {
        let id = ProfileLevelId::parse("640C16").unwrap();
        assert_eq!((id.profile_idc, id.constraints, id.level_idc), (100, 0x0c, 22));
        assert_eq!(id.to_string(), "640c16");
        assert_eq!(id.class(), Some(ProfileClass::High));
        assert_eq!(ProfileLevelId::parse("42e0"), None);
        assert_eq!(ProfileLevelId::parse("+2e01f"), None);
        assert_eq!(ProfileLevelId::parse("56001f").unwrap().class(), None, "SVC");
    }

    #[test]
    fn level_1b_lies_between_1_and_1_1() {
        let b = ProfileLevelId::parse("42f00b").unwrap();
        assert_eq!(b.level(), Level::L1B);
        assert_eq!(b.level().min(Level::from_idc(11)), Level::L1B);
        assert_eq!(b.level().min(Level::from_idc(10)), Level::from_idc(10));
        assert_eq!(b.at(Level::L1B).to_string(), "42f00b");
        assert_eq!(b.at(Level::from_idc(31)).to_string(), "42e01f");
        assert_eq!(ProfileLevelId::parse("42e01f").unwrap().at(Level::L1B).to_string(), "42f00b");
    }

    #[test]
    fn the_real_capability_is_wider_than_the_level() {
        let h = H264::from_parameters(&Parameters::parse(
            "profile-level-id=428014;max-br=2500;max-mbps=245000;max-fs=8160",
        ));
        assert_eq!(h.packetization_mode, 0);
        assert_eq!(h.frame_size_limit(), 8160);
        assert_eq!(h.macroblock_rate_limit(), 245_000);
        assert_eq!(h.bit_rate_limit(), 3_000_000);
    }
}
