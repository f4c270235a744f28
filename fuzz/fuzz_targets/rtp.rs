//! Any octets as an RTP packet: what is written of it reads the same.

#![no_main]

use libfuzzer_sys::fuzz_target;
use roomgate_rtp::{demux, dtmf::EventReceiver, packet::RtpView};

fuzz_target!(|data: &[u8]| {
    let _ = demux::classify(data);
    let Ok(view) = RtpView::parse(data) else { return };
    assert!(view.payload_offset() + view.payload().len() <= data.len());
    let _ = (view.csrc().count(), view.extension(), view.elements().count(), view.element(1));
    let mut written = Vec::new();
    view.header().write(view.payload(), &mut written);
    let again = RtpView::parse(&written).expect("what we write can be read");
    assert_eq!((again.header(), again.payload()), (view.header(), view.payload()));
    let mut events = EventReceiver::new();
    for payload in view.payload().chunks(4) {
        let _ = events.handle(view.sequence(), view.timestamp(), view.marker(), payload);
    }
});
