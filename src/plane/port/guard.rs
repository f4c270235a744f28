//! SRTP of one stream (RFC 3711), both ways. What was agreed to be encrypted is never sent or taken in the clear.

use std::borrow::Cow;

use roomgate_rtp::srtp::Session;

use crate::signalling::{KeyMaterial, SrtpParams};

#[derive(Debug, Default)]
pub(super) struct Guard {
    keys: Option<SrtpParams>,
    protect: Option<Session>,
    unprotect: Option<Session>,
}

impl Guard {
    /// Takes the keys agreed. A direction whose key stays goes on counting; its index must never begin anew.
    pub(super) fn agree(&mut self, keys: Option<&SrtpParams>) {
        let old = self.keys.take();
        if old.as_ref().map(|keys| &keys.send) != keys.map(|keys| &keys.send) {
            self.protect = keys.and_then(|keys| session(&keys.send));
        }
        if old.as_ref().map(|keys| &keys.receive) != keys.map(|keys| &keys.receive) {
            self.unprotect = keys.and_then(|keys| session(&keys.receive));
        }
        self.keys = keys.cloned();
    }

    pub(super) fn protect_rtp(&mut self, packet: &mut Vec<u8>) -> Option<()> {
        if self.keys.is_none() {
            return Some(());
        }
        self.protect.as_mut()?.protect_rtp(packet).ok()
    }

    pub(super) fn protect_rtcp(&mut self, packet: &mut Vec<u8>) -> Option<()> {
        if self.keys.is_none() {
            return Some(());
        }
        self.protect.as_mut()?.protect_rtcp(packet).ok()
    }

    /// The packet in the clear, if it is authentic.
    pub(super) fn unprotect_rtp<'a>(&mut self, packet: &'a [u8]) -> Option<Cow<'a, [u8]>> {
        if self.keys.is_none() {
            return Some(Cow::Borrowed(packet));
        }
        let mut packet = packet.to_vec();
        self.unprotect.as_mut()?.unprotect_rtp(&mut packet).ok()?;
        Some(Cow::Owned(packet))
    }

    pub(super) fn unprotect_rtcp<'a>(&mut self, packet: &'a [u8]) -> Option<Cow<'a, [u8]>> {
        if self.keys.is_none() {
            return Some(Cow::Borrowed(packet));
        }
        let mut packet = packet.to_vec();
        self.unprotect.as_mut()?.unprotect_rtcp(&mut packet).ok()?;
        Some(Cow::Owned(packet))
    }
}

fn session(key: &KeyMaterial) -> Option<Session> {
    Session::new(key.suite, &key.key_and_salt, key.mki.as_deref(), key.unencrypted_srtcp).ok()
}
