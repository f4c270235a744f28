//! RFC 4475's messages before the reader alone: what each readable one holds, and what the others are answered.
//!
//! The messages are not in the tree: `CAPTURES` names the folder that holds `sip-torture-rfc4475/*.dat`.

use std::{fs, path::PathBuf};

use bytes::Bytes;
use roomgate_sip::message::{Message, parse};

enum Reading {
    /// Host and beginning of the tag of From, address-of-record and tag of To, number of Via values, CSeq.
    Read(&'static str, &'static str, &'static str, Option<&'static str>, usize, &'static str),
    /// Refused, and answered with this status.
    Status(u16),
    /// Refused without a word: responses.
    Silent,
}
use Reading::{Read, Silent, Status};

const ODD_METHOD: &str = "139122385 !interesting-Method0123456789_*+`.%indeed'~";
const ODD_TAG: &str = "_token~1'+`*%!-.";
const ODD_AOR: &str = "1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*@example.com";

/// By section of RFC 4475. What is wrong with a readable one is for whoever uses that value.
const READINGS: &[(&str, Reading)] = &[
    // 3.1.1 Valid messages.
    (
        "wsinv",
        Read("example.com", "98asjd8", "vivekg@chair-dnrc.example.com", Some("1918181833n"), 3, "9 INVITE"),
    ),
    ("intmeth", Read("example.com", ODD_TAG, ODD_AOR, None, 1, ODD_METHOD)),
    ("esc01", Read("example.net", "938", "user@example.com", None, 1, "234234 INVITE")),
    ("escnull", Read("example.com", "839923423", "null-\0-null@example.com", None, 1, "14398234 REGISTER")),
    ("esc02", Read("example.com", "f232jadfj23", "resource@example.com", None, 1, "29344 RE%47IST%45R")),
    ("lwsdisp", Read("example.com", "323", "user@example.com", None, 1, "60 OPTIONS")),
    ("longreq", Read("example.net", "12982982982982982", "user@example.com", None, 34, "3882340 INVITE")),
    ("dblreq", Read("example.com", "43251j3j324", "j.user@example.com", None, 1, "8 REGISTER")),
    ("semiuri", Read("example.org", "33242", "j_user@example.com", None, 1, "8 OPTIONS")),
    ("transports", Read("example.com", "323", "user@example.com", None, 5, "60 OPTIONS")),
    ("mpart01", Read("example.com", "2fb0dcc9", "kumiko@example.org", None, 1, "1 MESSAGE")),
    ("unreason", Read("example.com", "11141343", "user@example.edu", Some("2229"), 1, "35 INVITE")),
    ("noreason", Read("example.com", "39ansfi3", "user@example.edu", Some("902jndnke3"), 1, "35 INVITE")),
    // 3.1.2 Invalid messages.
    ("badinv01", Status(400)),
    ("clerr", Status(400)),
    ("ncl", Status(400)),
    ("scalar02", Status(400)),
    ("scalarlg", Silent),
    ("quotbal", Status(400)),
    ("ltgtruri", Status(400)),
    ("lwsruri", Status(400)),
    ("lwsstart", Status(400)),
    ("trws", Status(400)),
    ("escruri", Status(400)),
    ("baddate", Read("example.net", "2234923", "user@example.com", None, 1, "1392934 INVITE")),
    ("regbadct", Read("example.com", "998332", "user@example.com", None, 1, "1 REGISTER")),
    ("badaspec", Status(400)),
    ("baddn", Status(400)),
    ("badvers", Status(505)),
    ("mismatch01", Status(400)),
    ("mismatch02", Status(400)),
    ("bigcode", Silent),
    // 3.2 Transaction layer.
    ("badbranch", Read("example.org", "33242", "user@example.com", None, 1, "8 OPTIONS")),
    // 3.3 Application layer.
    ("insuf", Status(400)),
    ("unkscm", Read("example.net", "384", "user@example.com", None, 1, "3923423 OPTIONS")),
    ("novelsc", Read("example.net", "384", "user@example.com", None, 1, "3923423 OPTIONS")),
    // Neither From nor To is SIP.
    ("unksm2", Read("", "3234233", "", None, 1, "234902 REGISTER")),
    ("bext01", Read("example.net", "242etr", "j_user@example.com", None, 1, "8 OPTIONS")),
    ("invut", Read("example.net", "8392034", "j.user@example.com", None, 1, "235448 INVITE")),
    ("regaut01", Read("example.com", "87321hj23128", "j.user@example.com", None, 1, "9338 REGISTER")),
    ("multi01", Status(400)),
    ("mcl01", Status(400)),
    ("bcast", Read("example.com", "11141343", "user@example.edu", Some("2229"), 2, "35 INVITE")),
    ("zeromf", Read("example.net", "3ghsd41", "user@example.com", None, 1, "39234321 OPTIONS")),
    ("cparam01", Read("example.com", "DkfVgjkrtMwaerKKpe", "watson@example.com", None, 1, "2 REGISTER")),
    ("cparam02", Read("example.com", "838293", "watson@example.com", None, 1, "3 REGISTER")),
    ("regescrt", Read("example.com", "8", "user@example.com", None, 1, "14398234 REGISTER")),
    ("sdp01", Read("example.net", "234", "j_user@example.com", None, 1, "8 INVITE")),
    // 3.4 Backward compatibility: no tag, no branch, no Max-Forwards, no Content-Length.
    ("inv2543", Read("ift.client.example.net", "", "+16505552222@ss1.example.net", None, 1, "56 INVITE")),
];

fn folder() -> Option<PathBuf> {
    let Some(captures) = std::env::var_os("CAPTURES") else {
        eprintln!("SKIPPED: CAPTURES is not set, so the messages of RFC 4475 were not read");
        return None;
    };
    Some(PathBuf::from(captures).join("sip-torture-rfc4475"))
}

fn compare(message: &Message, expected: &Reading) -> Result<(), String> {
    let Read(host, tag, aor, to_tag, vias, cseq) = *expected else {
        return Err("read, though it should be refused".to_owned());
    };
    let headers = message.headers();
    let fault = |error: roomgate_sip::message::HeaderError| error.to_string();
    let (from, to) = (headers.from().map_err(fault)?, headers.to().map_err(fault)?);
    let found = (
        from.uri.host().map(ToString::to_string).unwrap_or_default(),
        from.tag().unwrap_or_default().starts_with(tag) && from.tag().is_some() != tag.is_empty(),
        to.uri.aor().unwrap_or_default(),
        to.tag(),
        headers.vias().map_err(fault)?.len(),
        headers.cseq().map_err(fault)?.to_string(),
    );
    let right = (host.to_owned(), true, aor.to_owned(), to_tag, vias, cseq.to_owned());
    if found != right {
        return Err(format!("{found:?} instead of {right:?}"));
    }
    match parse(&message.to_bytes()) {
        Ok(again) if again == *message => Ok(()),
        _ => Err("printed and read again it is another".to_owned()),
    }
}

#[test]
fn each_is_read_or_refused_as_it_should_be() {
    let Some(folder) = folder() else { return };
    let mut wrong = Vec::new();
    for (name, expected) in READINGS {
        let path = folder.join(format!("{name}.dat"));
        let bytes = Bytes::from(fs::read(path).unwrap_or_else(|e| panic!("{name}.dat: {e}")));
        let outcome = match (parse(&bytes), expected) {
            (Ok(message), _) => compare(&message, expected),
            (Err(rejected), Status(status)) => match &rejected.response {
                Some(response) if response.status == *status => Ok(()),
                _ => Err(format!("{rejected:?}")),
            },
            (Err(rejected), Silent) if rejected.response.is_none() => Ok(()),
            (Err(rejected), _) => Err(format!("{rejected:?}")),
        };
        if let Err(fault) = outcome {
            wrong.push(format!("{name}: {fault}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Every file of the folder is in the table.
#[test]
fn none_is_left_out() {
    let Some(folder) = folder() else { return };
    for entry in fs::read_dir(folder).expect("the folder can be read") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|e| e == "dat") {
            let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            assert!(READINGS.iter().any(|(known, _)| *known == name), "{name} has no row");
        }
    }
}
