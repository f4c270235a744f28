//! The JVT's conformance streams (ITU-T H.264.1) and others with real faults, decoded and compared bit by bit with what
//! an independent decoder makes of them. The streams are not part of this tree: `CAPTURES` names their folder.

use std::{collections::BTreeSet, env, fs, path::PathBuf};

use roomgate_codec::{
    h264::{DecodeError, Decoder, NalType, nal_units},
    picture::Picture,
};

/// Stream, width, height, pictures, CRC-32 of all pictures as raw video (from ffmpeg).
const EXACT: &[(&str, u32, u32, usize, u32)] = &[
    ("h264-jvt/BA1_FT_C.264", 352, 288, 299, 0x7c0b4592),
    ("h264-jvt/BA1_Sony_D.jsv", 176, 144, 17, 0x3fc4a08f),
    ("h264-jvt/BANM_MW_D.264", 176, 144, 100, 0x6e1c2b81),
    ("h264-jvt/BASQP1_Sony_C.jsv", 176, 144, 4, 0x669e7e02),
    ("h264-jvt/BA_MW_D.264", 176, 144, 100, 0xb9209b4b),
    ("h264-jvt/CI1_FT_B.264", 352, 288, 291, 0x24041f7b),
    ("h264-jvt/CI_MW_D.264", 176, 144, 100, 0x97edcd39),
    ("h264-jvt/CVFC1_Sony_C.jsv", 300, 168, 50, 0x43355848),
    ("h264-jvt/LS_SVA_D.264", 176, 144, 1700, 0xb336c484),
    ("h264-jvt/MIDR_MW_D.264", 176, 144, 100, 0xd7a502c7),
    ("h264-jvt/MPS_MW_A.264", 176, 144, 150, 0xaef9a023),
    ("h264-jvt/MR1_BT_A.h264", 176, 144, 62, 0xb84f1c22),
    ("h264-jvt/MR1_MW_A.264", 176, 144, 150, 0xfa323e5d),
    ("h264-jvt/MR2_TANDBERG_E.264", 176, 144, 300, 0xb878a1f0),
    ("h264-jvt/NL1_Sony_D.jsv", 176, 144, 17, 0xc09e39ce),
    ("h264-jvt/NRF_MW_E.264", 176, 144, 100, 0xb28cfcfe),
    ("h264-jvt/SVA_BA1_B.264", 176, 144, 17, 0x41ad32b1),
    ("h264-jvt/SVA_BA2_D.264", 176, 144, 17, 0xedafbae0),
    ("h264-jvt/SVA_Base_B.264", 176, 144, 17, 0x5adbc569),
    ("h264-jvt/SVA_CL1_E.264", 176, 144, 50, 0x62213b68),
    ("h264-jvt/SVA_FM1_E.264", 176, 144, 17, 0x1e1a87fc),
    ("h264-jvt/SVA_NL2_E.264", 176, 144, 17, 0xf82ada92),
    ("h264-misc/Adobe_PDF_sample_a_1024x768_50Frms.264", 1024, 768, 50, 0x64346e44),
    ("h264-misc/Cisco_Adobe_PDF_sample_a_1024x768_CAVLC_Bframe_9.264", 1024, 768, 9, 0x76125980),
    ("h264-misc/Cisco_Men_whisper_640x320_CABAC_Bframe_9.264", 640, 320, 9, 0xc1fdddd7),
    ("h264-misc/Cisco_Men_whisper_640x320_CAVLC_Bframe_9.264", 640, 320, 9, 0xc571175f),
    ("h264-misc/QCIF_2P_I_allIPCM.264", 176, 144, 2, 0xb37305d8),
    ("h264-misc/SarVui.264", 176, 144, 17, 0xedafbae0),
    ("h264-misc/Static.264", 152, 100, 10, 0xd5d065e9),
    ("h264-misc/Zhling_1280x720.264", 1280, 720, 19, 0x79909c27),
    ("h264-misc/jm_1080p_allslice.264", 1920, 1080, 1, 0x894a80cd),
    ("h264-misc/test_qcif_cabac.264", 176, 144, 30, 0xcbf489d1),
    ("h264-misc/test_scalinglist_jm.264", 320, 192, 5, 0x8e5fe69d),
    ("h264-misc/test_vd_1d.264", 320, 192, 9, 0xfa5ffa0a),
    ("h264-misc/test_vd_rc.264", 320, 192, 9, 0x927df791),
];

/// What decoding a whole stream gave.
struct Outcome {
    pictures: Vec<Picture>,
    errors: usize,
}

fn captures() -> Option<PathBuf> {
    let folder = env::var_os("CAPTURES").map(PathBuf::from);
    if folder.is_none() {
        eprintln!(
            "SKIPPED: no H.264 conformance was tested. Set CAPTURES to the folder with h264-jvt and h264-misc."
        );
    }
    folder
}

/// Access units, §7.4.1.2.3, as far as these streams need it: one begins at a parameter set or delimiter after a slice,
/// or at a slice whose `first_mb_in_slice` is 0.
fn access_units(stream: &[u8]) -> Vec<Vec<u8>> {
    let mut units: Vec<Vec<u8>> = Vec::new();
    let mut has_slice = false;
    for nal in nal_units(stream) {
        let Some(kind) = NalType::of(nal) else { continue };
        let first = kind.is_picture() && nal.get(1).is_some_and(|byte| byte & 0x80 != 0);
        let header = matches!(kind, NalType::Sps | NalType::Pps | NalType::Sei | NalType::Delimiter);
        if units.is_empty() || has_slice && (first || header) {
            units.push(Vec::new());
            has_slice = false;
        }
        has_slice |= kind.is_picture();
        if let Some(unit) = units.last_mut() {
            unit.extend_from_slice(&[0, 0, 0, 1]);
            unit.extend_from_slice(nal);
        }
    }
    units
}

fn decode(stream: &[u8]) -> Outcome {
    let mut decoder = Decoder::new().expect("a decoder");
    let mut outcome = Outcome { pictures: Vec::new(), errors: 0 };
    for unit in access_units(stream) {
        match decoder.decode(&unit) {
            Ok(picture) => outcome.pictures.extend(picture),
            Err(DecodeError::Damaged(_)) => outcome.errors += 1,
            Err(error) => {
                outcome.errors += 1;
                eprintln!("  {error}");
            }
        }
    }
    match decoder.flush() {
        Ok(pictures) => outcome.pictures.extend(pictures),
        Err(_) => outcome.errors += 1,
    }
    outcome
}

/// CRC-32 as of zlib.
fn crc(pictures: &[Picture]) -> u32 {
    let table: Vec<u32> = (0..256u32)
        .map(|byte| (0..8).fold(byte, |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 }))
        .collect();
    let bytes = pictures.iter().flat_map(|picture| picture.as_bytes());
    !bytes.fold(!0u32, |crc, &byte| crc >> 8 ^ table[((crc ^ u32::from(byte)) & 0xff) as usize])
}

#[test]
fn streams_decode_bit_by_bit_as_elsewhere() {
    let Some(folder) = captures() else { return };
    let mut wrong = Vec::new();
    for &(name, width, height, count, wanted) in EXACT {
        let stream = fs::read(folder.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        let Outcome { pictures, errors } = decode(&stream);
        let sizes = pictures.iter().all(|picture| (picture.width(), picture.height()) == (width, height));
        if errors != 0 || pictures.len() != count || !sizes || crc(&pictures) != wanted {
            let first = pictures.first();
            wrong.push(format!(
                "{name}: {} of {count} pictures, {errors} errors, sizes {sizes}, first {first:?}",
                pictures.len()
            ));
        }
    }
    assert!(wrong.is_empty(), "{} of {} differ:\n{}", wrong.len(), EXACT.len(), wrong.join("\n"));
}

/// Streams that lack parts or that we do not take whole: stream, at least so many pictures, at least so many errors.
const FAULTY: &[(&str, usize, usize)] = &[
    // lost pictures: errors until the next IDR, then pictures again
    ("h264-misc/BA_MW_D_IDR_LOST.264", 70, 20),
    ("h264-misc/BA_MW_D_P_LOST.264", 70, 20),
    ("h264-misc/Error_I_P.264", 1, 1),
    ("h264-misc/sps_subsetsps_bothVUI.264", 0, 0),
    // temporal direct prediction: the last bit differs
    ("h264-misc/VID_1280x720_cavlc_temporal_direct.264", 300, 0),
];

#[test]
fn faulty_streams_give_pictures_and_errors() {
    let Some(folder) = captures() else { return };
    for &(name, pictures, errors) in FAULTY {
        let stream = fs::read(folder.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        let outcome = decode(&stream);
        let sizes: BTreeSet<_> =
            outcome.pictures.iter().map(|picture| (picture.width(), picture.height())).collect();
        eprintln!("{name}: {} pictures, {} errors, {sizes:?}", outcome.pictures.len(), outcome.errors);
        assert!(outcome.pictures.len() >= pictures, "{name}: {} pictures", outcome.pictures.len());
        assert!(
            outcome.errors >= errors && (errors > 0 || outcome.errors == 0),
            "{name}: {} errors",
            outcome.errors
        );
    }
}
