//! Our side of the media: addresses, and what we take.

use std::net::IpAddr;

use super::h264::Level;

/// Our side of one call's media.
#[derive(Clone, Debug)]
pub struct Local {
    /// Identifies the session in `o=`: a number that no other call has.
    pub session_id: u64,
    /// Where we receive.
    pub address: IpAddr,
    /// The port of RTP; RTCP is one above. None refuses sound.
    pub audio: Option<LocalAudio>,
    /// The same for pictures.
    pub video: Option<LocalVideo>,
}

/// Our sound.
#[derive(Clone, Copy, Debug)]
pub struct LocalAudio {
    /// The port of RTP; RTCP is one above.
    pub port: u16,
}

/// Our pictures: where, and what we can receive.
#[derive(Clone, Copy, Debug)]
pub struct LocalVideo {
    /// The port of RTP; RTCP is one above.
    pub port: u16,
    /// The highest level that we signal.
    pub level: Level,
    /// Macroblocks a frame that we take (RFC 6184 `max-fs`).
    pub max_fs: u32,
    /// Macroblocks a second that we take (`max-mbps`).
    pub max_mbps: u32,
    /// Bits a second that we take, told in `max-br` and in the bandwidth lines.
    pub max_bitrate: u32,
    /// The packetization mode to choose where both are offered; 1 unless a device is better off with 0.
    pub prefer_mode: u8,
}

impl LocalVideo {
    /// 1280x720 at 30 frames a second, 2.4 Mbit/s.
    pub const fn hd(port: u16) -> Self {
        Self {
            port,
            level: Level::from_idc(31),
            max_fs: 3_600,
            max_mbps: 108_000,
            max_bitrate: 2_400_000,
            prefer_mode: 1,
        }
    }

    /// Our parameters at a signalled level: never below what the level itself promises (RFC 6184 §8.1).
    pub(super) fn parameters(&self, level: Level) -> String {
        let max_br = (self.max_bitrate / 1_200).max(level.max_br());
        format!(
            "max-mbps={};max-fs={};max-br={max_br}",
            self.max_mbps.max(level.max_mbps()),
            self.max_fs.max(level.max_fs()),
        )
    }
}
