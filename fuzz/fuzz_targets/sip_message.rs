//! Any octets as a SIP datagram and as a stream: what is read prints as what reads the same, one line for each field.

#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use roomgate_sip::message::{Framed, Framer, Message, parse};

fuzz_target!(|data: &[u8]| {
    match parse(&Bytes::copy_from_slice(data)) {
        Ok(message) => {
            let headers = message.headers();
            let _ = (headers.contacts(), headers.routes(), headers.record_routes(), headers.paths());
            let _ = (headers.session_expires(), headers.content_type(), headers.accept(), headers.allow());
            let printed = message.to_bytes();
            check_lines(&message, &printed);
            // Compact names grow when they are written out, past the limits if they were near.
            if printed.len() <= data.len() {
                assert_eq!(parse(&printed), Ok(message));
            }
        }
        Err(rejected) => {
            if let Some(response) = rejected.response {
                let printed = response.to_bytes();
                check_lines(&Message::Response(response), &printed);
            }
        }
    }
    let mut framer = Framer::new();
    for piece in data.chunks(61) {
        framer.push(piece);
        while let Ok(Some(framed)) = framer.next_framed() {
            if let Framed::Message(bytes) = framed {
                let _ = parse(&bytes);
            }
        }
    }
});

fn check_lines(message: &Message, printed: &Bytes) {
    let head = &printed[..printed.len() - message.body().len()];
    let count = |octet| head.iter().filter(|b| **b == octet).count();
    let lines = message.headers().len() + 3;
    assert_eq!((count(b'\r'), count(b'\n')), (lines, lines));
}
