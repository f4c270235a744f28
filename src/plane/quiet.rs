//! Stands in for the mixer until it is joined to the plane: silent.

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
