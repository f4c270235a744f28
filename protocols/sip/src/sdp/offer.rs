//! Our offers, and the answers to them (RFC 3264 §5, §7, §8).

use super::{
    AgreedAudio, AgreedCrypto, AgreedLine, AgreedVideo, Agreement, AudioFormat, Direction, Feedback, H264,
    KeySource, Level, MediaDescription, MediaKind, OfferAnswer, ProfileLevelId, SdpError, Session,
    answer::{both_take, telephone_event},
    negotiation::{AudioChoice, Line, Role, VideoChoice, bitrate},
    write,
};

/// Payload types of ours.
const EVENTS_8000: u8 = 101;
const EVENTS_48000: u8 = 100;
const H264_MODE_1: u8 = 97;
const H264_MODE_0: u8 = 98;

impl OfferAnswer {
    /// Offers what we can. Once a call has lines they stay as they are, with what was agreed on them (§8).
    pub fn offer(&mut self, keys: &dyn KeySource) -> String {
        if self.lines.is_empty() {
            self.lines = self.first_lines(keys);
        }
        self.offered = true;
        let mut text = String::with_capacity(1_024);
        let port = self.local.audio.map(|audio| audio.port);
        for line in &self.lines {
            write::line(&mut text, line, port, self.local.video.as_ref(), Direction::SendRecv);
        }
        self.describe(&text)
    }

    fn first_lines(&self, keys: &dyn KeySource) -> Vec<Line> {
        let line = |media: &str, kind, role| Line {
            media: media.to_owned(),
            // Plain, with keys beside it: those who know it encrypt, the others do without.
            proto: "RTP/AVP".to_owned(),
            fmt: String::new(),
            content: None,
            role,
            crypto: keys.offer(kind),
        };
        let audio = self.local.audio.map(|_| {
            let choices = AudioFormat::OFFERED
                .map(|format| AudioChoice { format, payload_type: format.offered_payload_type() });
            let events = vec![(EVENTS_48000, 48_000), (EVENTS_8000, 8_000)];
            line("audio", MediaKind::Audio, Role::Audio(choices.to_vec(), events))
        });
        let video = self.local.video.map(|local| {
            let choice = |payload_type, packetization_mode| VideoChoice {
                payload_type,
                profile_level_id: ProfileLevelId { profile_idc: 66, constraints: 0xe0, level_idc: 0 }
                    .at(local.level),
                packetization_mode,
                asymmetry: true,
            };
            let mut choices = vec![choice(H264_MODE_1, 1), choice(H264_MODE_0, 0)];
            if local.prefer_mode == 0 {
                choices.reverse();
            }
            let feedback = Feedback { pli: true, fir: true, ..Feedback::default() };
            line("video", MediaKind::Video, Role::Video(choices, feedback))
        });
        audio.into_iter().chain(video).collect()
    }

    /// Reads the answer to our last offer. What devices add that was never offered is left aside; a line that is
    /// missing, or says nothing we can use, counts as refused.
    ///
    /// # Errors
    /// [`SdpError::NoOffer`] if nothing was offered; [`SdpError::NothingInCommon`] if no line is left.
    pub fn handle_answer(&mut self, answer: &Session, keys: &dyn KeySource) -> Result<Agreement, SdpError> {
        if !std::mem::replace(&mut self.offered, false) {
            return Err(SdpError::NoOffer);
        }
        let mut agreement = Agreement::default();
        for (index, line) in self.lines.iter_mut().enumerate() {
            let media = answer.media.get(index).filter(|media| media.port != 0);
            // Theirs is theirs in its place, whatever it is called.
            match (&line.role, media) {
                (Role::Audio(choices, _), Some(media)) if media.kind == MediaKind::Audio => {
                    agreement.audio = audio(answer, media, index, choices, &line.crypto, keys);
                }
                (Role::Video(choices, feedback), Some(media)) if media.kind == MediaKind::Video => {
                    agreement.video = video(answer, media, index, choices, *feedback, &line.crypto, keys);
                }
                _ => {}
            }
            line.settle(&agreement, index);
        }
        if agreement.audio.is_none() && agreement.video.is_none() {
            return Err(SdpError::NothingInCommon("no line was taken"));
        }
        Ok(agreement)
    }
}

impl Line {
    /// Keeps of an offered line what was agreed, for the next offer.
    fn settle(&mut self, agreement: &Agreement, index: usize) {
        let audio = agreement.audio.as_ref().filter(|agreed| agreed.line.index == index);
        let video = agreement.video.as_ref().filter(|agreed| agreed.line.index == index);
        let crypto = match (&mut self.role, audio, video) {
            (Role::Audio(choices, events), Some(agreed), _) => {
                *choices = vec![AudioChoice { format: agreed.format, payload_type: agreed.payload_type }];
                *events = agreed.telephone_event.into_iter().collect();
                agreed.line.crypto.clone()
            }
            (Role::Video(choices, feedback), _, Some(agreed)) => {
                choices.retain(|choice| choice.packetization_mode == agreed.packetization_mode);
                choices.truncate(1);
                *feedback = agreed.feedback;
                agreed.line.crypto.clone()
            }
            (role, ..) => {
                if *role != Role::Refused {
                    self.fmt = format_numbers(role);
                    *role = Role::Refused;
                }
                None
            }
        };
        self.crypto = crypto.map(|crypto| crypto.ours).into_iter().collect();
    }
}

fn format_numbers(role: &Role) -> String {
    match role {
        Role::Audio(choices, _) => choices.first().map(|choice| choice.payload_type),
        Role::Video(choices, _) => choices.first().map(|choice| choice.payload_type),
        Role::Refused => None,
    }
    .unwrap_or(0)
    .to_string()
}

/// Our line with the answered tag, if its keys fit. A line that was offered under RTP/AVP without keys in the answer
/// stays in the clear.
fn crypto(
    ours: &[super::CryptoLine],
    media: &MediaDescription,
    keys: &dyn KeySource,
) -> Option<AgreedCrypto> {
    media.crypto.iter().filter(|theirs| theirs.session_params_known()).find_map(|theirs| {
        let ours = ours
            .iter()
            .find(|ours| ours.tag == theirs.tag && ours.suite.eq_ignore_ascii_case(&theirs.suite))?;
        keys.accepts(theirs).then(|| AgreedCrypto { ours: ours.clone(), theirs: theirs.clone() })
    })
}

fn audio(
    answer: &Session,
    media: &MediaDescription,
    index: usize,
    offered: &[AudioChoice],
    ours: &[super::CryptoLine],
    keys: &dyn KeySource,
) -> Option<AgreedAudio> {
    let crypto = crypto(ours, media, keys);
    if media.proto.is_secure() && crypto.is_none() {
        return None;
    }
    // A number without a mapping means ours.
    let named = |format: &super::PayloadFormat| {
        format.audio().or_else(|| {
            let ours = offered.iter().find(|choice| choice.payload_type == format.payload_type)?;
            format.encoding.is_empty().then_some(ours.format)
        })
    };
    let (format, payload_type) = media.formats.iter().find_map(|candidate| {
        let format = named(candidate)?;
        offered.iter().any(|choice| choice.format == format).then_some((format, candidate.payload_type))
    })?;
    Some(AgreedAudio {
        line: AgreedLine::of(answer, media, index, crypto),
        format,
        payload_type,
        telephone_event: telephone_event(media, format),
    })
}

fn video(
    answer: &Session,
    media: &MediaDescription,
    index: usize,
    offered: &[VideoChoice],
    feedback: Feedback,
    ours: &[super::CryptoLine],
    keys: &dyn KeySource,
) -> Option<AgreedVideo> {
    let crypto = crypto(ours, media, keys);
    if media.proto.is_secure() && crypto.is_none() {
        return None;
    }
    let usable = |candidate: &super::PayloadFormat| {
        let ours = offered.iter().find(|choice| choice.payload_type == candidate.payload_type);
        if candidate.encoding.is_empty() {
            // Our own number without a mapping: as we offered it, at the lowest level that promises anything.
            let ours = ours?;
            let mut h264 = H264::from_parameters(&candidate.parameters);
            h264.profile_level_id = ours.profile_level_id;
            h264.packetization_mode = ours.packetization_mode;
            return Some((candidate.payload_type, h264));
        }
        let mut h264 = H264::from_parameters(&candidate.parameters);
        if !candidate.is_h264() {
            return None;
        }
        if candidate.parameters.value("profile-level-id").is_none()
            && let Some(ours) = ours
        {
            h264.profile_level_id = ours.profile_level_id.at(Level::from_idc(13));
        }
        // Baseline is what we offered and what we send, however they spell it; those who answer High take it too.
        h264.profile_level_id.class()?;
        let mode = h264.packetization_mode;
        offered
            .iter()
            .any(|choice| choice.packetization_mode == mode)
            .then_some((candidate.payload_type, h264))
    };
    let is_ours = |pt: u8| offered.iter().any(|choice| choice.payload_type == pt);
    // Our numbers first: some devices add forms of their own that nobody offered.
    let (payload_type, h264) = media
        .formats
        .iter()
        .filter(|format| is_ours(format.payload_type))
        .find_map(usable)
        .or_else(|| media.formats.iter().find_map(usable))?;
    let theirs = both_take(media, payload_type);
    Some(AgreedVideo {
        line: AgreedLine::of(answer, media, index, crypto),
        payload_type,
        profile_level_id: ProfileLevelId { profile_idc: 66, constraints: 0xe0, level_idc: 0 }
            .at(h264.profile_level_id.level()),
        packetization_mode: h264.packetization_mode,
        max_bitrate: bitrate(answer, media, &h264),
        feedback: Feedback { pli: theirs.pli && feedback.pli, fir: theirs.fir && feedback.fir, ..theirs },
        remote: h264,
    })
}
