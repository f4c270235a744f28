//! Stands in for the mixer and the browsers until they are joined to the plane: silent, and nobody is there.

pub(super) mod mixer {
    use crate::{
        ids::LegId,
        ivr::{Clip, prompt::Voices},
        signalling::{AudioCodec, Language},
    };
    use bytes::Bytes;
    use std::{sync::Arc, time::Instant};
    #[derive(Debug)]
    pub(crate) struct Mixer {
        spoken: Vec<MixerOutput>,
    }
    #[derive(Debug)]
    pub(crate) enum MixerOutput {
        Frame { leg: LegId, payload: Bytes, ticks: u32 },
        Spoken { leg: LegId, id: u64 },
    }
    impl Mixer {
        pub(crate) fn new(_voices: Arc<Voices>, _now: Instant) -> Self {
            Self { spoken: vec![] }
        }
        pub(crate) fn open(&mut self, _leg: LegId, _codec: AudioCodec) {}
        pub(crate) fn close(&mut self, _leg: LegId) {}
        pub(crate) fn hears(&mut self, _leg: LegId, _legs: Arc<[LegId]>) {}
        pub(crate) fn speak(&mut self, leg: LegId, id: u64, _clips: &[(Clip, Language)]) {
            self.spoken.push(MixerOutput::Spoken { leg, id })
        }
        pub(crate) fn music(&mut self, _leg: LegId, _on: bool) {}
        pub(crate) fn hush(&mut self, _leg: LegId) {}
        pub(crate) fn push(
            &mut self,
            _now: Instant,
            leg: LegId,
            _sequence: u16,
            _timestamp: u32,
            payload: &[u8],
        ) {
            let _ = (leg, payload);
        }
        pub(crate) fn handle_timeout(&mut self, _now: Instant) {}
        pub(crate) fn next_timeout(&self) -> Option<Instant> {
            None
        }
        pub(crate) fn poll_output(&mut self) -> Option<MixerOutput> {
            self.spoken.pop()
        }
    }
}

pub(super) mod webrtc {
    use crate::{ids::LegId, plane::PlaneConfig};
    use bytes::Bytes;
    use std::{net::SocketAddr, time::Instant};
    #[derive(Debug)]
    pub(crate) struct Browsers;
    #[derive(Debug)]
    pub(crate) enum BrowsersOutput {
        Transmit { to: SocketAddr, bytes: Bytes },
        Video { leg: LegId, sequence: u16, timestamp: u32, marker: bool, payload: Bytes },
        Audio { leg: LegId, sequence: u16, timestamp: u32, payload: Bytes },
        KeyframeWanted { leg: LegId, slot: u8 },
        Connected { leg: LegId },
        Lost { leg: LegId },
        Timeout(Option<Instant>),
    }
    impl Browsers {
        pub(crate) fn new(_config: &PlaneConfig, _now: Instant) -> Self {
            Self
        }
        pub(crate) fn accept(&mut self, _now: Instant, _leg: LegId, _offer: &str) -> Result<String, String> {
            Err("browsers cannot join yet".into())
        }
        pub(crate) fn close(&mut self, _now: Instant, _leg: LegId) {}
        pub(crate) fn received(&mut self, _now: Instant, _from: SocketAddr, _bytes: &[u8]) {}
        pub(crate) fn handle_timeout(&mut self, _now: Instant) {}
        pub(crate) fn send_video(
            &mut self,
            _now: Instant,
            _leg: LegId,
            _slot: u8,
            _sequence: u64,
            _timestamp: u32,
            _marker: bool,
            _payload: &[u8],
        ) {
        }
        pub(crate) fn send_audio(&mut self, _now: Instant, _leg: LegId, _timestamp: u32, _payload: &[u8]) {}
        pub(crate) fn request_keyframe(&mut self, _now: Instant, _leg: LegId) {}
        pub(crate) fn poll_output(&mut self) -> BrowsersOutput {
            BrowsersOutput::Timeout(None)
        }
    }
}
