//! RFC 3711 appendix B.3, round trips, tampering and replay.

use crate::{packet::RtpHeader, testing::hex};

use super::*;

const SUITES: [Suite; 4] =
    [Suite::AesCm128HmacSha1_80, Suite::AesCm128HmacSha1_32, Suite::AeadAes128Gcm, Suite::AeadAes256Gcm];

fn key(suite: Suite) -> Vec<u8> {
    (0..suite.key_and_salt_len()).map(|at| (at * 29 + 3) as u8).collect()
}

fn session(suite: Suite, mki: Option<&[u8]>) -> Session {
    Session::new(suite, &key(suite), mki, false).unwrap()
}

fn packet(sequence: u16) -> Vec<u8> {
    let header = RtpHeader { payload_type: 96, marker: true, sequence, timestamp: 90_000, ssrc: 0xCAFE_BABE };
    let mut packet = Vec::new();
    header.write(&[0xAB; 50], &mut packet);
    packet
}

fn report() -> Vec<u8> {
    crate::rtcp::pli(0xCAFE_BABE, 7, "a@b")
}

#[test]
fn session_keys_of_rfc_3711_b_3() {
    let master = hex("E1F97A0D3E018BE0D64FA32C06DE4139 0EC675AD498AFEEBB6960B3AABE6");
    let (key, salt) = master.split_at(16);
    let derived = |label, length| {
        let mut out = vec![0; length];
        cipher::derive(key, salt, label, &mut out).unwrap();
        out
    };
    assert_eq!(derived(0, 16), hex("C61E7A93744F39EE10734AFE3FF7A087"));
    assert_eq!(derived(2, 14), hex("30CBBC08863D8C85D49DB34A9AE1"));
    assert_eq!(
        derived(1, 94),
        hex("CEBE321F6FF7716B6FD4AB49AF256A15 6D38BAA48F0A0ACF3C34E2359E6CDBCE
             E049646C43D9327AD175578EF7227098 6371C10C9A369AC2F94A8C5FBCDDDC25
             6D6E919A48B610EF17C2041E47403576 6B68642C59BBFC2F34DB60DBDFB2")
    );
}

#[test]
fn every_suite_comes_back_and_looks_different_on_the_way() {
    for suite in SUITES {
        for mki in [None, Some(&[0, 0, 0, 1][..])] {
            let (mut sender, mut receiver) = (session(suite, mki), session(suite, mki));
            let plain = packet(1);
            let mut wire = plain.clone();
            sender.protect_rtp(&mut wire).unwrap();
            let mki_len = mki.map_or(0, <[u8]>::len);
            assert_eq!(wire.len(), plain.len() + suite.rtp_tag() + mki_len);
            assert_eq!(wire[..12], plain[..12], "the header is clear");
            assert_ne!(wire[12..62], plain[12..]);
            receiver.unprotect_rtp(&mut wire).unwrap();
            assert_eq!(wire, plain);

            let plain = report();
            let mut wire = plain.clone();
            sender.protect_rtcp(&mut wire).unwrap();
            assert_eq!(wire.len(), plain.len() + suite.rtcp_tag() + mki_len + 4);
            assert_ne!(wire[8..plain.len()], plain[8..]);
            receiver.unprotect_rtcp(&mut wire).unwrap();
            assert_eq!(wire, plain);
        }
    }
}

#[test]
fn rtcp_that_is_only_authenticated() {
    for suite in SUITES {
        let mut sender = Session::new(suite, &key(suite), None, true).unwrap();
        let mut receiver = session(suite, None);
        let plain = report();
        let mut wire = plain.clone();
        sender.protect_rtcp(&mut wire).unwrap();
        assert_eq!(wire[..plain.len()], plain);
        let mut changed = wire.clone();
        changed[9] ^= 1;
        assert_eq!(receiver.unprotect_rtcp(&mut changed), Err(SrtpError::Authentication));
        receiver.unprotect_rtcp(&mut wire).unwrap();
        assert_eq!(wire, plain);
    }
}

#[test]
fn a_changed_octet_anywhere_is_refused() {
    for suite in SUITES {
        let (mut sender, mut receiver) = (session(suite, None), session(suite, None));
        let mut rtp = packet(1);
        sender.protect_rtp(&mut rtp).unwrap();
        let mut rtcp = report();
        sender.protect_rtcp(&mut rtcp).unwrap();
        for at in 0..rtp.len() {
            let mut changed = rtp.clone();
            changed[at] ^= 0x01;
            assert!(receiver.unprotect_rtp(&mut changed).is_err(), "{suite} rtp {at}");
        }
        for at in 0..rtcp.len() {
            let mut changed = rtcp.clone();
            changed[at] ^= 0x01;
            assert!(receiver.unprotect_rtcp(&mut changed).is_err(), "{suite} rtcp {at}");
        }
        for length in 0..rtp.len() {
            assert!(receiver.unprotect_rtp(&mut rtp[..length].to_vec()).is_err(), "{suite} rtp cut {length}");
        }
        for length in 0..rtcp.len() {
            assert!(
                receiver.unprotect_rtcp(&mut rtcp[..length].to_vec()).is_err(),
                "{suite} rtcp cut {length}"
            );
        }
        assert_eq!(receiver.unprotect_rtp(&mut rtp), Ok(()), "none of them moved the window");
        assert_eq!(receiver.unprotect_rtcp(&mut rtcp), Ok(()));
    }
}

#[test]
fn replays_and_latecomers() {
    for suite in SUITES {
        let (mut sender, mut receiver) = (session(suite, None), session(suite, None));
        let wire: Vec<Vec<u8>> = (0..200)
            .map(|sequence| {
                let mut wire = packet(sequence);
                sender.protect_rtp(&mut wire).unwrap();
                wire
            })
            .collect();
        let mut take = |at: usize| receiver.unprotect_rtp(&mut wire[at].clone());
        assert_eq!(take(0), Ok(()));
        assert_eq!(take(0), Err(SrtpError::Replayed));
        assert_eq!(take(150), Ok(()));
        assert_eq!(take(22), Err(SrtpError::Replayed), "128 behind is too old");
        assert_eq!(take(23), Ok(()), "127 behind is not");
        assert_eq!(take(23), Err(SrtpError::Replayed));
        assert_eq!(take(199), Ok(()));
        assert_eq!(take(150), Err(SrtpError::Replayed), "the window remembers across a step");
        assert_eq!(take(151), Ok(()));

        let mut rtcp = report();
        sender.protect_rtcp(&mut rtcp).unwrap();
        assert_eq!(receiver.unprotect_rtcp(&mut rtcp.clone()), Ok(()));
        assert_eq!(receiver.unprotect_rtcp(&mut rtcp), Err(SrtpError::Replayed));
        assert_eq!(sender.protect_rtp(&mut packet(150)), Err(SrtpError::Replayed), "no key stream twice");
    }
}

#[test]
fn the_rollover_counter_turns_with_loss_and_disorder() {
    for suite in SUITES {
        let (mut sender, mut receiver) = (session(suite, None), session(suite, None));
        let mut wires = Vec::new();
        // Three turns, in steps that skip the corner itself.
        for index in (65_000u32..3 * 65_536).step_by(300) {
            let mut wire = packet(index as u16);
            sender.protect_rtp(&mut wire).unwrap();
            wires.push((index as u16, wire));
        }
        for pair in wires.chunks_mut(2) {
            for (sequence, wire) in pair.iter_mut().rev() {
                // 300 apart is beyond the window when it comes late, so only every first of a pair is lost.
                match receiver.unprotect_rtp(wire) {
                    Ok(()) => assert_eq!(*wire, packet(*sequence)),
                    Err(error) => assert_eq!(error, SrtpError::Replayed),
                }
            }
        }
        let mut last = packet(65_535);
        sender.protect_rtp(&mut last).unwrap();
        assert_eq!(receiver.unprotect_rtp(&mut last), Ok(()));
    }
}

#[test]
fn streams_are_bounded() {
    let suite = Suite::AesCm128HmacSha1_80;
    let mut sender = session(suite, None);
    let with_ssrc = |ssrc: u32| {
        let mut packet = packet(1);
        packet[8..12].copy_from_slice(&ssrc.to_be_bytes());
        packet
    };
    for ssrc in 0..MAX_STREAMS as u32 {
        assert_eq!(sender.protect_rtp(&mut with_ssrc(ssrc)), Ok(()));
    }
    assert_eq!(sender.protect_rtp(&mut with_ssrc(99)), Err(SrtpError::TooManyStreams));
    let mut receiver = session(suite, None);
    for ssrc in 0..40 {
        let mut wire = with_ssrc(ssrc);
        session(suite, None).protect_rtp(&mut wire).unwrap();
        assert_eq!(receiver.unprotect_rtp(&mut wire), Ok(()), "a peer may change its SSRC often");
    }
    assert_eq!(receiver.inbound.0.len(), MAX_STREAMS);
}

#[test]
fn keys_and_identifiers_must_fit() {
    for suite in SUITES {
        let key = key(suite);
        assert_eq!(Session::new(suite, &key[1..], None, false).map(drop), Err(SrtpError::KeyLength));
        assert_eq!(Session::new(suite, &[], None, false).map(drop), Err(SrtpError::KeyLength));
        let mut wire = packet(1);
        session(suite, Some(&[1])).protect_rtp(&mut wire).unwrap();
        assert_eq!(session(suite, Some(&[2])).unprotect_rtp(&mut wire), Err(SrtpError::Mki));
        assert_eq!(suite.name().parse(), Ok(suite));
        assert!(!format!("{:?}", session(suite, None)).contains("key"));
    }
}

/// Another implementation must read what we write, octet for octet what it would write itself.
#[test]
fn another_implementation_agrees() {
    use rtc_srtp::{context::Context, crypto, protection_profile::ProtectionProfile};

    let provider = crypto::default_provider().unwrap();
    for (suite, profile) in SUITES.into_iter().zip([
        ProtectionProfile::Aes128CmHmacSha1_80,
        ProtectionProfile::Aes128CmHmacSha1_32,
        ProtectionProfile::AeadAes128Gcm,
        ProtectionProfile::AeadAes256Gcm,
    ]) {
        let master = key(suite);
        let (key, salt) = master.split_at(suite.key_len());
        let context = || Context::new(key, salt, profile, None, None, provider.crypto()).unwrap();
        let (mut theirs_out, mut theirs_in) = (context(), context());
        let (mut ours_out, mut ours_in) = (session(suite, None), session(suite, None));
        for sequence in [65_533, 65_534, 65_535, 0, 1, 2] {
            let plain = packet(sequence);
            let mut wire = plain.clone();
            ours_out.protect_rtp(&mut wire).unwrap();
            assert_eq!(theirs_out.encrypt_rtp(&plain).unwrap(), wire, "{suite} {sequence}");
            assert_eq!(theirs_in.decrypt_rtp(&wire).unwrap(), plain);
            ours_in.unprotect_rtp(&mut wire).unwrap();
            assert_eq!(wire, plain);
        }
        for _ in 0..3 {
            let plain = report();
            let mut ours = plain.clone();
            ours_out.protect_rtcp(&mut ours).unwrap();
            assert_eq!(theirs_in.decrypt_rtcp(&ours).unwrap(), plain, "{suite} rtcp");
            let mut theirs = theirs_out.encrypt_rtcp(&plain).unwrap().to_vec();
            ours_in.unprotect_rtcp(&mut theirs).unwrap();
            assert_eq!(theirs, plain, "{suite} rtcp");
        }
    }
}
