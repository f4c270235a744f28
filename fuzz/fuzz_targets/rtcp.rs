//! Any octets as a compound RTCP packet.

#![no_main]

use libfuzzer_sys::fuzz_target;
use roomgate_rtp::rtcp;

fuzz_target!(|data: &[u8]| {
    let Ok(items) = rtcp::parse(data) else { return };
    assert!(items.len() <= data.len(), "an item takes octets");
    let _ = format!("{items:?}");
});
