//! A whole session description (RFC 8866).

use std::net::IpAddr;

use super::{
    SdpError,
    media::{Bandwidth, Connection, Direction, MediaDescription},
    text,
};

/// Who made a description (`o=`). A description is a new one if and only if its version grew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// A name of the maker (`tandberg`, `StudioX30`): tells the device where a proxy rewrote User-Agent.
    pub username: String,
    /// Identifies the session.
    pub session_id: String,
    /// Grows by one with each new description.
    pub version: u64,
    /// The address as written.
    pub address: String,
}

/// A session description as one side wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Who made it.
    pub origin: Origin,
    /// `s=`, often empty.
    pub name: String,
    /// `c=` for all lines that have none of their own.
    pub connection: Option<Connection>,
    /// `b=` of the session.
    pub bandwidth: Bandwidth,
    /// The media descriptions in order.
    pub media: Vec<MediaDescription>,
}

impl Session {
    /// Reads a description, forgiving what endpoints get wrong (see the module `text`).
    ///
    /// # Errors
    /// [`SdpError::Malformed`] if it is none, [`SdpError::TooMany`] if it is beyond all bounds.
    pub fn parse(text: &[u8]) -> Result<Self, SdpError> {
        let clean = text::clean(text)?;
        let session = sdp_types::Session::parse(clean.as_bytes())
            .map_err(|error| SdpError::Malformed(error.to_string()))?;
        let direction = session
            .attributes
            .iter()
            .find_map(|attribute| Direction::parse(&attribute.attribute))
            .unwrap_or_default();
        let fingerprint = session.has_attribute("fingerprint");
        Ok(Self {
            origin: Origin {
                username: session.origin.username.unwrap_or_else(|| "-".to_owned()),
                session_id: session.origin.sess_id,
                version: session.origin.sess_version,
                address: session.origin.unicast_address,
            },
            name: session.session_name,
            connection: session.connection.as_ref().map(Connection::parse),
            bandwidth: Bandwidth::parse(&session.bandwidths),
            media: session
                .medias
                .into_iter()
                .map(|media| MediaDescription::parse(media, direction, fingerprint))
                .collect(),
        })
    }

    /// `c=` as it counts for this line: its own, else the session's.
    pub fn connection_of<'a>(&'a self, line: &'a MediaDescription) -> Option<&'a Connection> {
        line.connection.as_ref().or(self.connection.as_ref())
    }

    /// Where RTP of this line goes, if an address is given that packets can be sent to.
    pub fn address_of(&self, line: &MediaDescription) -> Option<IpAddr> {
        self.connection_of(line).and_then(Connection::reachable)
    }

    /// The direction of this line as its writer sees it. With `c=0.0.0.0` the writer receives nothing (RFC 3264
    /// §8.4).
    pub fn direction_of(&self, line: &MediaDescription) -> Direction {
        let hold = self.connection_of(line).is_some_and(Connection::is_hold);
        Direction::new(line.direction.sends(), line.direction.receives() && !hold)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sdp::{MediaKind, Proto};

    #[test]
    fn session_level_direction_is_inherited_and_overridden() {
        let s = Session::parse(
            b"v=0\na=sendonly\nc=IN IP4 192.0.2.1/127\nm=audio 2 RTP/AVP 0\nm=video 4 RTP/AVP 96\na=inactive\n",
        )
        .unwrap();
        assert_eq!(s.media[0].direction, Direction::SendOnly);
        assert_eq!(s.media[1].direction, Direction::Inactive);
        assert_eq!(s.address_of(&s.media[0]), Some("192.0.2.1".parse().unwrap()));
        assert_eq!(s.origin.username, "-");
    }

    #[test]
    fn static_payload_types_need_no_rtpmap_and_odd_lines_keep_their_words() {
        let s = Session::parse(
            b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nt=0 0\r\nm=audio 2 rtp/avp 9 0 31 200 9\r\n\
              a=rtcp:2003 IN IP4 192.0.2.9\r\nm=application 5 UDP/UDT/IX *\r\na=ixmap:0 ping\r\n",
        )
        .unwrap();
        let names: Vec<_> = s.media[0].formats.iter().map(|f| f.encoding.as_str()).collect();
        assert_eq!(names, ["G722", "PCMU", "H261"]);
        assert_eq!(s.media[0].proto, Proto::RtpAvp);
        assert_eq!(s.media[0].rtcp, Some((2003, Some("192.0.2.9".parse().unwrap()))));
        assert_eq!(s.media[1].kind, MediaKind::Other);
        assert_eq!(s.media[1].fmt, "*");
        assert_eq!(s.media[1].proto_text, "UDP/UDT/IX");
        assert_eq!(s.media[1].attributes, [("ixmap".to_owned(), Some("0 ping".to_owned()))]);
    }

    #[test]
    fn unspecified_connection_is_hold() {
        let s = Session::parse(b"v=0\nc=IN IP4 0.0.0.0\nm=audio 2 RTP/AVP 0\n").unwrap();
        assert_eq!(s.direction_of(&s.media[0]), Direction::SendOnly);
        assert_eq!(s.address_of(&s.media[0]), None);
    }

    #[test]
    fn a_port_beyond_16_bits_is_an_error() {
        assert!(matches!(Session::parse(b"v=0\nm=audio 70000 RTP/AVP 0\n"), Err(SdpError::Malformed(_))));
    }
}
