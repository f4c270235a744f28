//! Answers to offers (RFC 3264 §6): every line in its place.

use super::{
    AgreedAudio, AgreedLine, AgreedVideo, Agreement, AudioFormat, Feedback, H264, KeySource, LocalVideo,
    MediaDescription, MediaKind, OfferAnswer, PayloadFormat, Proto, SdpError, Session,
    h264::ProfileClass,
    negotiation::{AudioChoice, Line, Role, VideoChoice, bitrate, choose_crypto},
    write,
};

impl OfferAnswer {
    /// Answers an offer: takes the first audio line and the first line of the camera's video that we can take, and
    /// refuses the others in place.
    ///
    /// # Errors
    /// [`SdpError::NothingInCommon`] if we can take none; nothing has changed then.
    pub fn answer(&mut self, offer: &Session, keys: &dyn KeySource) -> Result<(String, Agreement), SdpError> {
        let mut agreement = Agreement::default();
        let mut lines = Vec::with_capacity(offer.media.len().max(self.lines.len()));
        let mut text = String::with_capacity(1_024);
        for (index, media) in offer.media.iter().enumerate() {
            let line = match media.kind {
                MediaKind::Audio if agreement.audio.is_none() && self.local.audio.is_some() => {
                    take_audio(offer, media, index, keys).map(|(line, agreed)| {
                        agreement.audio = Some(agreed);
                        line
                    })
                }
                MediaKind::Video if agreement.video.is_none() => {
                    self.local.video.and_then(|local| take_video(&local, offer, media, index, keys)).map(
                        |(line, agreed)| {
                            agreement.video = Some(agreed);
                            line
                        },
                    )
                }
                _ => None,
            };
            let line = line.unwrap_or_else(|| Line::refused(media));
            let direction = offer.direction_of(media).reversed();
            let port = self.local.audio.map(|audio| audio.port);
            write::line(&mut text, &line, port, self.local.video.as_ref(), direction);
            lines.push(line);
        }
        if agreement.audio.is_none() && agreement.video.is_none() {
            return Err(SdpError::NothingInCommon("no audio or video line that we can take"));
        }
        self.lines = lines;
        self.offered = false;
        Ok((self.describe(&text), agreement))
    }
}

impl Line {
    pub(super) fn refused(media: &MediaDescription) -> Self {
        Self {
            media: media.media.clone(),
            proto: media.proto_text.clone(),
            fmt: media.fmt.clone(),
            content: None,
            role: Role::Refused,
            crypto: Vec::new(),
        }
    }
}

/// Whether the line is in use and under a transport of ours; DTLS-SRTP is not.
fn is_open(media: &MediaDescription) -> bool {
    media.port != 0 && media.proto != Proto::Other
}

fn take_audio(
    offer: &Session,
    media: &MediaDescription,
    index: usize,
    keys: &dyn KeySource,
) -> Option<(Line, AgreedAudio)> {
    if !is_open(media) {
        return None;
    }
    let (format, payload_type) = best_audio(media)?;
    let crypto = choose_crypto(keys, MediaKind::Audio, &media.crypto);
    if media.proto.is_secure() && crypto.is_none() {
        return None;
    }
    let telephone_event = telephone_event(media, format);
    let line = Line {
        role: Role::Audio(vec![AudioChoice { format, payload_type }], telephone_event.into_iter().collect()),
        crypto: crypto.iter().map(|crypto| crypto.ours.clone()).collect(),
        ..Line::refused(media)
    };
    let agreed = AgreedAudio {
        line: AgreedLine::of(offer, media, index, crypto),
        format,
        payload_type,
        telephone_event,
    };
    Some((line, agreed))
}

/// Opus, then G.722, then G.711 of either law, as the offer prefers.
fn best_audio(media: &MediaDescription) -> Option<(AudioFormat, u8)> {
    let rank = |format| match format {
        AudioFormat::Opus => 0,
        AudioFormat::G722 => 1,
        AudioFormat::Pcma | AudioFormat::Pcmu => 2,
    };
    let known = media.formats.iter().filter_map(|f| Some((f.audio()?, f.payload_type)));
    known.min_by_key(|(format, _)| rank(*format))
}

/// RFC 4733 §2.1: events at the codec's own clock, else at 8000 Hz, which devices offer beside everything.
pub(super) fn telephone_event(media: &MediaDescription, format: AudioFormat) -> Option<(u8, u32)> {
    let at = |clock| media.formats.iter().find(|f| f.is("telephone-event", clock));
    at(format.clock()).or_else(|| at(8_000)).map(|f| (f.payload_type, f.clock))
}

fn take_video(
    local: &LocalVideo,
    offer: &Session,
    media: &MediaDescription,
    index: usize,
    keys: &dyn KeySource,
) -> Option<(Line, AgreedVideo)> {
    if !is_open(media) || !media.is_main_video() {
        return None;
    }
    let (payload_type, h264) = best_video(media, local.prefer_mode)?;
    let crypto = choose_crypto(keys, MediaKind::Video, &media.crypto);
    if media.proto.is_secure() && crypto.is_none() {
        return None;
    }
    let offered = h264.profile_level_id;
    let asymmetry = h264.level_asymmetry_allowed;
    let level = if asymmetry { local.level } else { offered.level().min(local.level) };
    let choice = VideoChoice {
        payload_type,
        profile_level_id: offered.at(level),
        packetization_mode: h264.packetization_mode,
        asymmetry,
    };
    let feedback = both_take(media, payload_type);
    let line = Line {
        content: media.content.clone(),
        role: Role::Video(vec![choice], feedback),
        crypto: crypto.iter().map(|crypto| crypto.ours.clone()).collect(),
        ..Line::refused(media)
    };
    let agreed = AgreedVideo {
        line: AgreedLine::of(offer, media, index, crypto),
        payload_type,
        profile_level_id: if asymmetry { offered } else { offered.at(level) },
        packetization_mode: h264.packetization_mode,
        max_bitrate: bitrate(offer, media, &h264),
        feedback,
        remote: h264,
    };
    Some((line, agreed))
}

/// The best H.264 form of a line by what it can, never by where it stands: first wrappers, SVC and the like stand on
/// the lists of devices. Simple profiles before others, since browsers take them too; then the mode.
pub(super) fn best_video(media: &MediaDescription, prefer_mode: u8) -> Option<(u8, H264)> {
    let usable = media.formats.iter().filter_map(|format: &PayloadFormat| {
        if !format.is_h264() {
            return None;
        }
        let h264 = H264::from_parameters(&format.parameters);
        let class: ProfileClass = h264.profile_level_id.class()?;
        (h264.packetization_mode <= 1).then_some((class, format.payload_type, h264))
    });
    usable
        .min_by_key(|(class, _, h264)| (*class, h264.packetization_mode != prefer_mode.min(1)))
        .map(|(_, payload_type, h264)| (payload_type, h264))
}

/// The feedback of ours that the far side takes too.
pub(super) fn both_take(media: &MediaDescription, payload_type: u8) -> Feedback {
    let theirs = Feedback::of(&media.feedback, payload_type);
    Feedback { nack: false, tmmbr: false, ..theirs }
}
