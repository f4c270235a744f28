//! Pictures to H.264.

use std::{fmt, time::Duration};

use openh264::{
    OpenH264API, Timestamp,
    encoder::{
        BitRate, Complexity, FrameRate, FrameType, IntraFramePeriod, Level, Profile, QpRange,
        RateControlMode, SpsPpsStrategy, UsageType,
    },
    formats::YUVSource,
};

use crate::{CodecError, h264::raw, picture::Picture};

/// What to encode, and for whom.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EncoderConfig {
    /// In pixels, even, at least 16.
    pub width: u32,
    /// In pixels, even, at least 16.
    pub height: u32,
    /// The most pictures per second that will come.
    pub fps: f32,
    /// Target in bits per second. Pictures are left out to keep it.
    pub bitrate: u32,
    /// The largest NAL unit in bytes: for receivers of `packetization-mode=0` (RFC 6184 §6.2), who take one NAL unit a
    /// packet. None: one slice a picture.
    pub max_slice_len: Option<u32>,
}

/// One encoded picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encoded {
    /// A byte stream with start codes; before an IDR its parameter sets.
    pub annex_b: Vec<u8>,
    /// Whether decoding can begin here.
    pub idr: bool,
}

/// Encodes one stream: Constrained Baseline, one reference picture back, no B-frames, IDRs only when asked for.
pub struct Encoder {
    inner: openh264::encoder::Encoder,
    config: EncoderConfig,
    /// The library takes changes of bitrate only after its first picture.
    started: bool,
    /// The finest quantisation allowed.
    min_qp: u8,
}

impl Encoder {
    /// An encoder whose first picture is an IDR.
    pub fn new(config: EncoderConfig) -> Result<Self, CodecError> {
        let EncoderConfig { width, height, .. } = config;
        if !Picture::possible(width, height) || width < 16 || height < 16 {
            return Err(CodecError::Size { width, height });
        }
        let fps = if config.fps.is_finite() { config.fps.clamp(1.0, 60.0) } else { 30.0 };
        let config = EncoderConfig { fps, bitrate: config.bitrate.clamp(MIN_BITRATE, MAX_BITRATE), ..config };
        Ok(Self { inner: open(&config, MIN_QP)?, config, started: false, min_qp: MIN_QP })
    }

    /// What it was made for, its bitrate as last set.
    #[must_use]
    pub const fn config(&self) -> &EncoderConfig {
        &self.config
    }

    /// Changes the target, in bits per second, from the next picture on. That is an IDR if the stream's level grows.
    pub fn set_bitrate(&mut self, bitrate: u32) -> Result<(), CodecError> {
        let before = self.config;
        self.config.bitrate = bitrate.clamp(MIN_BITRATE, MAX_BITRATE);
        if self.config.bitrate == before.bitrate {
            return Ok(());
        }
        if self.started && self.config.level() <= before.level() {
            raw::set_bitrate(&mut self.inner, before.bitrate, self.config.bitrate)
        } else {
            self.restart()
        }
    }

    /// Encodes the picture shown at `at`, counted from any fixed point; later pictures come with later times, as rate
    /// control goes by them. None: left out to keep the bitrate; a forced IDR that is left out must be asked for again.
    pub fn encode(
        &mut self,
        picture: &Picture,
        at: Duration,
        force_idr: bool,
    ) -> Result<Option<Encoded>, CodecError> {
        let (wanted, given) = ((self.config.width, self.config.height), (picture.width(), picture.height()));
        if wanted != given {
            return Err(CodecError::OtherSize { wanted, given });
        }
        if force_idr && self.started {
            self.inner.force_intra_frame();
        }
        let encoded = self.encode_once(picture, at);
        if encoded.is_ok() {
            return encoded;
        }
        // A picture outgrew the library's buffers. It has freed its state and must not be called again: begin anew,
        // coarser, until the picture fits.
        let mut again = encoded;
        while again.is_err() && self.min_qp < MAX_MIN_QP {
            self.min_qp += 8;
            self.restart()?;
            again = self.encode_once(picture, at);
        }
        if again.is_err() {
            self.restart()?;
        }
        again
    }

    fn encode_once(&mut self, picture: &Picture, at: Duration) -> Result<Option<Encoded>, CodecError> {
        let at = Timestamp::from_millis(at.as_millis() as u64 & MAX_MILLIS);
        let stream = self
            .inner
            .encode_at(&Source(picture), at)
            .map_err(|error| CodecError::Library(error.to_string()))?;
        self.started = true;
        let idr = match stream.frame_type() {
            FrameType::IDR => true,
            FrameType::I | FrameType::P | FrameType::IPMixed => false,
            FrameType::Skip => return Ok(None),
            FrameType::Invalid => return Err(CodecError::Library("openh264 gave no picture".into())),
        };
        let annex_b = stream.to_vec();
        Ok((!annex_b.is_empty()).then_some(Encoded { annex_b, idr }))
    }

    fn restart(&mut self) -> Result<(), CodecError> {
        self.inner = open(&self.config, self.min_qp)?;
        self.started = false;
        Ok(())
    }
}

impl EncoderConfig {
    fn level(&self) -> u8 {
        level_for(self.width, self.height, self.fps, self.bitrate)
    }
}

fn open(config: &EncoderConfig, min_qp: u8) -> Result<openh264::encoder::Encoder, CodecError> {
    let mut settings = openh264::encoder::EncoderConfig::new()
        .bitrate(BitRate::from_bps(config.bitrate))
        .max_frame_rate(FrameRate::from_hz(config.fps))
        .rate_control_mode(RateControlMode::Bitrate)
        .skip_frames(true)
        .usage_type(UsageType::CameraVideoRealTime)
        .sps_pps_strategy(SpsPpsStrategy::ConstantId)
        .profile(Profile::Baseline)
        .level(library_level(config.level()))
        .complexity(Complexity::Low)
        .qp(QpRange::new(min_qp, 51))
        .scene_change_detect(false)
        .intra_frame_period(IntraFramePeriod::from_num_frames(0))
        .num_threads(1);
    if let Some(len) = config.max_slice_len {
        settings = settings.max_slice_len(len.clamp(MIN_SLICE_LEN, u32::from(u16::MAX)));
    }
    let mut encoder = openh264::encoder::Encoder::with_api_config(OpenH264API::from_source(), settings)
        .map_err(|error| CodecError::Library(error.to_string()))?;
    raw::silence(&mut encoder);
    Ok(encoder)
}

impl fmt::Debug for Encoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Encoder({:?})", self.config)
    }
}

/// Finer than this nobody sees.
const MIN_QP: u8 = 16;
/// The coarsest that [`Encoder::min_qp`] becomes.
const MAX_MIN_QP: u8 = 40;
const MIN_BITRATE: u32 = 16_000;
const MAX_BITRATE: u32 = 50_000_000;
const MIN_SLICE_LEN: u32 = 400;
/// The library's time is signed.
const MAX_MILLIS: u64 = i64::MAX as u64;

/// The lowest level (times ten, as `level_idc`) that holds such a stream: H.264 table A-1. Rate in pictures and bits per
/// second.
#[must_use]
pub fn level_for(width: u32, height: u32, fps: f32, bitrate: u32) -> u8 {
    let across = width.div_ceil(16);
    let down = height.div_ceil(16);
    let macroblocks = across * down;
    let per_second = (macroblocks as f32 * fps).ceil() as u32;
    LEVELS
        .iter()
        .find(|level| {
            macroblocks <= level.macroblocks
                && across * across <= 8 * level.macroblocks
                && down * down <= 8 * level.macroblocks
                && per_second <= level.per_second
                && bitrate <= level.kilobits * 1000
        })
        .map_or(52, |level| level.idc)
}

struct LevelLimits {
    idc: u8,
    per_second: u32,
    macroblocks: u32,
    kilobits: u32,
}

/// Table A-1: `MaxMBPS`, `MaxFS`, `MaxBR`. Level 1b is left out.
const LEVELS: [LevelLimits; 16] = [
    LevelLimits { idc: 10, per_second: 1_485, macroblocks: 99, kilobits: 64 },
    LevelLimits { idc: 11, per_second: 3_000, macroblocks: 396, kilobits: 192 },
    LevelLimits { idc: 12, per_second: 6_000, macroblocks: 396, kilobits: 384 },
    LevelLimits { idc: 13, per_second: 11_880, macroblocks: 396, kilobits: 768 },
    LevelLimits { idc: 20, per_second: 11_880, macroblocks: 396, kilobits: 2_000 },
    LevelLimits { idc: 21, per_second: 19_800, macroblocks: 792, kilobits: 4_000 },
    LevelLimits { idc: 22, per_second: 20_250, macroblocks: 1_620, kilobits: 4_000 },
    LevelLimits { idc: 30, per_second: 40_500, macroblocks: 1_620, kilobits: 10_000 },
    LevelLimits { idc: 31, per_second: 108_000, macroblocks: 3_600, kilobits: 14_000 },
    LevelLimits { idc: 32, per_second: 216_000, macroblocks: 5_120, kilobits: 20_000 },
    LevelLimits { idc: 40, per_second: 245_760, macroblocks: 8_192, kilobits: 20_000 },
    LevelLimits { idc: 41, per_second: 245_760, macroblocks: 8_192, kilobits: 50_000 },
    LevelLimits { idc: 42, per_second: 522_240, macroblocks: 8_704, kilobits: 50_000 },
    LevelLimits { idc: 50, per_second: 589_824, macroblocks: 22_080, kilobits: 135_000 },
    LevelLimits { idc: 51, per_second: 983_040, macroblocks: 36_864, kilobits: 240_000 },
    LevelLimits { idc: 52, per_second: 2_073_600, macroblocks: 36_864, kilobits: 240_000 },
];

const fn library_level(idc: u8) -> Level {
    match idc {
        10 => Level::Level_1_0,
        11 => Level::Level_1_1,
        12 => Level::Level_1_2,
        13 => Level::Level_1_3,
        20 => Level::Level_2_0,
        21 => Level::Level_2_1,
        22 => Level::Level_2_2,
        30 => Level::Level_3_0,
        31 => Level::Level_3_1,
        32 => Level::Level_3_2,
        40 => Level::Level_4_0,
        41 => Level::Level_4_1,
        42 => Level::Level_4_2,
        50 => Level::Level_5_0,
        51 => Level::Level_5_1,
        _ => Level::Level_5_2,
    }
}

struct Source<'a>(&'a Picture);

impl YUVSource for Source<'_> {
    fn dimensions(&self) -> (usize, usize) {
        (self.0.width() as usize, self.0.height() as usize)
    }

    fn strides(&self) -> (usize, usize, usize) {
        let width = self.0.width() as usize;
        (width, width / 2, width / 2)
    }

    fn y(&self) -> &[u8] {
        self.0.y()
    }

    fn u(&self) -> &[u8] {
        self.0.u()
    }

    fn v(&self) -> &[u8] {
        self.0.v()
    }
}
