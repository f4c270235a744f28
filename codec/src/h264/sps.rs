//! Sequence parameter sets, ITU-T H.264 §7.3.2.1.1 and Annex E. Only what a gateway needs to know is kept.

use crate::h264::nal::NalType;

/// A sequence parameter set: how large the pictures are and what decoding them takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sps {
    /// 66 Baseline, 77 Main, 100 High…
    pub profile_idc: u8,
    /// The byte after it: `constraint_set0_flag` is the top bit.
    pub constraints: u8,
    /// Ten times the level: 31 is level 3.1. Level 1b is 11 with `constraint_set3_flag`, or 9.
    pub level_idc: u8,
    /// `seq_parameter_set_id`, 0 to 31.
    pub id: u8,
    /// 0 monochrome, 1 4:2:0, 2 4:2:2, 3 4:4:4.
    pub chroma_format_idc: u8,
    /// Width in pixels, after cropping.
    pub width: u32,
    /// Height in pixels, after cropping.
    pub height: u32,
    /// Width before cropping: a multiple of 16.
    pub coded_width: u32,
    /// Height before cropping: a multiple of 16.
    pub coded_height: u32,
    /// Whether all pictures are frames. If not they may be interlaced, which our decoder does not do.
    pub frame_mbs_only: bool,
    /// `pic_order_cnt_type`: with 2, pictures are shown in the order in which they are sent.
    pub pic_order_cnt_type: u8,
    /// How many pictures may be needed for reference.
    pub max_num_ref_frames: u32,
    /// How many pictures may come before one that is shown earlier (`max_num_reorder_frames` of the VUI).
    pub max_num_reorder: Option<u32>,
}

/// Why a sequence parameter set cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SpsError {
    /// It is another NAL unit.
    #[error("not a sequence parameter set")]
    NotSps,
    /// It ends too early.
    #[error("sequence parameter set cut short")]
    Truncated,
    /// A value is out of its range.
    #[error("{0} out of range in a sequence parameter set")]
    OutOfRange(&'static str),
}

impl Sps {
    /// Reads a NAL unit of type 7, its header byte included, its start code not.
    pub fn parse(nal: &[u8]) -> Result<Self, SpsError> {
        let (&header, payload) = nal.split_first().ok_or(SpsError::Truncated)?;
        if NalType::from_header(header) != NalType::Sps {
            return Err(SpsError::NotSps);
        }
        // no real one is longer; the bound keeps hostile ones cheap
        let rbsp = unescape(payload.get(..MAX_LEN.min(payload.len())).unwrap_or(payload));
        let mut bits = Bits { bytes: &rbsp, at: 0 };

        let profile_idc = bits.u(8)? as u8;
        let constraints = bits.u(8)? as u8;
        let level_idc = bits.u(8)? as u8;
        let id = bits.ue_max(31, "seq_parameter_set_id")? as u8;
        let mut chroma_format_idc = 1;
        let mut separate_planes = false;
        if HIGH_PROFILES.contains(&profile_idc) {
            chroma_format_idc = bits.ue_max(3, "chroma_format_idc")? as u8;
            if chroma_format_idc == 3 {
                separate_planes = bits.flag()?;
            }
            bits.ue_max(6, "bit_depth_luma_minus8")?;
            bits.ue_max(6, "bit_depth_chroma_minus8")?;
            bits.flag()?;
            if bits.flag()? {
                for list in 0..if chroma_format_idc == 3 { 12 } else { 8 } {
                    if bits.flag()? {
                        bits.skip_scaling_list(if list < 6 { 16 } else { 64 })?;
                    }
                }
            }
        }
        bits.ue_max(12, "log2_max_frame_num_minus4")?;
        let pic_order_cnt_type = bits.ue_max(2, "pic_order_cnt_type")? as u8;
        if pic_order_cnt_type == 0 {
            bits.ue_max(12, "log2_max_pic_order_cnt_lsb_minus4")?;
        } else if pic_order_cnt_type == 1 {
            bits.flag()?;
            bits.se()?;
            bits.se()?;
            for _ in 0..bits.ue_max(255, "num_ref_frames_in_pic_order_cnt_cycle")? {
                bits.se()?;
            }
        }
        let max_num_ref_frames = bits.ue_max(16, "max_num_ref_frames")?;
        bits.flag()?;
        let across = bits.ue_max(MAX_MACROBLOCKS - 1, "pic_width_in_mbs_minus1")? + 1;
        let down = bits.ue_max(MAX_MACROBLOCKS - 1, "pic_height_in_map_units_minus1")? + 1;
        let frame_mbs_only = bits.flag()?;
        if !frame_mbs_only {
            bits.flag()?;
        }
        bits.flag()?;
        let coded_width = across * 16;
        let coded_height = down * 16 * if frame_mbs_only { 1 } else { 2 };

        let (mut width, mut height) = (coded_width, coded_height);
        if bits.flag()? {
            let subsampled = chroma_format_idc != 0 && !separate_planes;
            let unit_x = if subsampled && chroma_format_idc != 3 { 2 } else { 1 };
            let unit_y =
                if subsampled && chroma_format_idc == 1 { 2 } else { 1 } * if frame_mbs_only { 1 } else { 2 };
            let mut cropped = |side: u32, unit: u32| -> Result<u32, SpsError> {
                let (before, after) = (bits.ue()?, bits.ue()?);
                let cut = before.checked_add(after).and_then(|units| units.checked_mul(unit));
                match cut.and_then(|cut| side.checked_sub(cut)) {
                    Some(left) if left > 0 => Ok(left),
                    _ => Err(SpsError::OutOfRange("frame_crop")),
                }
            };
            width = cropped(coded_width, unit_x)?;
            height = cropped(coded_height, unit_y)?;
        }
        // Usability information is only advice: a broken one does not spoil the set.
        let max_num_reorder = if bits.flag()? { bits.vui_max_num_reorder().unwrap_or(None) } else { None };
        Ok(Self {
            profile_idc,
            constraints,
            level_idc,
            id,
            chroma_format_idc,
            width,
            height,
            coded_width,
            coded_height,
            frame_mbs_only,
            pic_order_cnt_type,
            max_num_ref_frames,
            max_num_reorder,
        })
    }

    /// Whether pictures can be sent in another order than they are shown in (B-frames). Such a stream cannot be
    /// forwarded to a browser.
    #[must_use]
    pub fn may_reorder(&self) -> bool {
        match self.max_num_reorder {
            Some(pictures) => pictures > 0,
            // §A.2.1: Baseline has no B slices, but output order may differ by type 0 and 1 only in theory
            None => self.profile_idc != 66 && self.pic_order_cnt_type != 2,
        }
    }

    /// Pictures in macroblocks of 16x16, the unit of `max-fs`.
    #[must_use]
    pub const fn macroblocks(&self) -> u32 {
        (self.coded_width / 16) * (self.coded_height / 16)
    }
}

/// Profiles whose sets carry the chroma format, §7.3.2.1.1.
const HIGH_PROFILES: [u8; 13] = [100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135];
const MAX_LEN: usize = 1024;
/// A side of 16384 pixels: beyond level 6.2, so that no product overflows.
const MAX_MACROBLOCKS: u32 = 1024;

/// Takes out the emulation prevention bytes, §7.4.1: `00 00 03` is `00 00`.
fn unescape(payload: &[u8]) -> Vec<u8> {
    let mut rbsp = Vec::with_capacity(payload.len());
    let mut zeros = 0;
    for &byte in payload {
        if zeros >= 2 && byte == 3 {
            zeros = 0;
            continue;
        }
        zeros = if byte == 0 { zeros + 1 } else { 0 };
        rbsp.push(byte);
    }
    rbsp
}

struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Bits<'_> {
    fn flag(&mut self) -> Result<bool, SpsError> {
        let byte = self.bytes.get(self.at / 8).ok_or(SpsError::Truncated)?;
        let bit = byte >> (7 - self.at % 8) & 1;
        self.at += 1;
        Ok(bit == 1)
    }

    /// `u(n)`, n up to 32.
    fn u(&mut self, count: u32) -> Result<u32, SpsError> {
        let mut value = 0;
        for _ in 0..count {
            value = value << 1 | u32::from(self.flag()?);
        }
        Ok(value)
    }

    /// `ue(v)`, §9.1.
    fn ue(&mut self) -> Result<u32, SpsError> {
        let mut zeros = 0;
        while !self.flag()? {
            zeros += 1;
            if zeros > 31 {
                return Err(SpsError::OutOfRange("an Exp-Golomb number"));
            }
        }
        Ok((1u32 << zeros) - 1 + self.u(zeros)?)
    }

    fn ue_max(&mut self, max: u32, name: &'static str) -> Result<u32, SpsError> {
        let value = self.ue()?;
        if value > max { Err(SpsError::OutOfRange(name)) } else { Ok(value) }
    }

    /// `se(v)`, §9.1.1.
    fn se(&mut self) -> Result<i64, SpsError> {
        let code = i64::from(self.ue()?);
        Ok(if code % 2 == 1 { code / 2 + 1 } else { -(code / 2) })
    }

    /// §7.3.2.1.1.1.
    fn skip_scaling_list(&mut self, size: usize) -> Result<(), SpsError> {
        let (mut last, mut next) = (8, 8);
        for _ in 0..size {
            if next != 0 {
                next = (last + self.se()?).rem_euclid(256);
            }
            if next != 0 {
                last = next;
            }
        }
        Ok(())
    }

    /// §E.1.1, up to `max_num_reorder_frames`.
    fn vui_max_num_reorder(&mut self) -> Result<Option<u32>, SpsError> {
        const EXTENDED_SAR: u32 = 255;
        if self.flag()? && self.u(8)? == EXTENDED_SAR {
            self.u(32)?;
        }
        if self.flag()? {
            self.flag()?;
        }
        if self.flag()? {
            self.u(4)?;
            if self.flag()? {
                self.u(24)?;
            }
        }
        if self.flag()? {
            self.ue()?;
            self.ue()?;
        }
        if self.flag()? {
            self.u(32)?;
            self.u(32)?;
            self.flag()?;
        }
        let nal_hrd = self.flag()?;
        if nal_hrd {
            self.skip_hrd()?;
        }
        let vcl_hrd = self.flag()?;
        if vcl_hrd {
            self.skip_hrd()?;
        }
        if nal_hrd || vcl_hrd {
            self.flag()?;
        }
        self.flag()?;
        if !self.flag()? {
            return Ok(None);
        }
        self.flag()?;
        for _ in 0..4 {
            self.ue()?;
        }
        Ok(Some(self.ue_max(16, "max_num_reorder_frames")?))
    }

    /// §E.1.2.
    fn skip_hrd(&mut self) -> Result<(), SpsError> {
        let count = self.ue_max(31, "cpb_cnt_minus1")? + 1;
        self.u(8)?;
        for _ in 0..count {
            self.ue()?;
            self.ue()?;
            self.flag()?;
        }
        self.u(20)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(hex: &str) -> Sps {
        let bytes: Vec<u8> = (0..hex.len() / 2)
            .map(|i| u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).expect("hex digits"))
            .collect();
        Sps::parse(&bytes).expect("a good set")
    }

    /// From x264: 1080p needs cropping (1088 lines are coded), and there is an emulation prevention byte.
    #[test]
    fn high_profile_1080p_with_cropping() {
        let sps = parse("67640028acd940780227e5c05a808080a0000003002000000781e30632c0");
        assert_eq!((sps.profile_idc, sps.level_idc), (100, 40));
        assert_eq!((sps.width, sps.height, sps.coded_height), (1920, 1080, 1088));
        assert!(sps.frame_mbs_only);
        assert_eq!(sps.max_num_reorder, Some(2));
        assert!(sps.may_reorder());
        assert_eq!(sps.macroblocks(), 8160);
    }

    #[test]
    fn what_is_no_set_is_refused() {
        assert_eq!(Sps::parse(&[]), Err(SpsError::Truncated));
        assert_eq!(Sps::parse(&[0x68, 1, 2]), Err(SpsError::NotSps));
        assert_eq!(Sps::parse(&[0x67, 66, 0, 31]), Err(SpsError::Truncated));
        assert_eq!(
            Sps::parse(&[0x67, 66, 0, 31, 0, 0, 0, 0, 0, 1]),
            Err(SpsError::OutOfRange("an Exp-Golomb number"))
        );
    }

    proptest! {
        #[test]
        fn any_bytes_are_safe(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let mut nal = vec![0x67];
            nal.extend(bytes);
            if let Ok(sps) = Sps::parse(&nal) {
                prop_assert!(sps.width > 0 && sps.width <= sps.coded_width);
                prop_assert!(sps.height > 0 && sps.height <= sps.coded_height);
            }
        }
    }
}
