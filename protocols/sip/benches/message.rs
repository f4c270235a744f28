//! Reading and writing an INVITE as hardware sends it, beside rsip doing the same in one run.

use std::hint::black_box;

use bytes::Bytes;
use criterion::{Criterion, criterion_group, criterion_main};
use roomgate_sip::message::{Message, parse};

/// What both can read: no folding, no compact names, no `+sip.instance`.
const INVITE: &str = concat!(
    "INVITE sip:100100@video.example.org;transport=tcp SIP/2.0\r\n",
    "Via: SIP/2.0/TCP 192.0.2.22:5060;branch=z9hG4bK776asdhds;rport\r\n",
    "Max-Forwards: 70\r\n",
    "From: \"Room 12\" <sip:room12@example.org>;tag=1928301774\r\n",
    "To: <sip:100100@video.example.org>\r\n",
    "Call-ID: a84b4c76e66710@192.0.2.22\r\n",
    "CSeq: 314159 INVITE\r\n",
    "Contact: <sip:room12@192.0.2.22:5060;transport=tcp>\r\n",
    "User-Agent: TANDBERG/529 (ce9.1.4) Cisco-MX700ST\r\n",
    "Allow: INVITE,ACK,CANCEL,BYE,UPDATE,INFO,OPTIONS,REFER,NOTIFY\r\n",
    "Supported: replaces,100rel,timer,gruu,path,outbound\r\n",
    "Session-Expires: 1800\r\n",
    "Content-Type: application/sdp\r\n",
    "Content-Length: 104\r\n",
    "\r\n",
    "v=0\r\no=tandberg 1 1 IN IP4 192.0.2.22\r\ns=-\r\nc=IN IP4 192.0.2.22\r\nt=0 0\r\nm=audio 2326 RTP/AVP 9 8 0 101\r\n",
);

fn ours(bytes: &Bytes) -> Vec<u8> {
    let Ok(Message::Request(request)) = parse(bytes) else { panic!("unreadable") };
    let headers = &request.headers;
    black_box((
        headers.from().is_ok(),
        headers.to().is_ok(),
        headers.cseq().is_ok(),
        headers.call_id().is_ok(),
    ));
    black_box(headers.top_via().is_ok());
    Message::Request(request).to_bytes().to_vec()
}

fn rsip_does(text: &[u8]) -> Vec<u8> {
    use rsip::prelude::*;
    let request = rsip::Request::try_from(text).expect("readable");
    black_box((
        request.from_header().and_then(|h| h.typed()).is_ok(),
        request.to_header().and_then(|h| h.typed()).is_ok(),
        request.cseq_header().and_then(|h| h.typed()).is_ok(),
        request.call_id_header().is_ok(),
    ));
    black_box(request.via_header().and_then(|h| h.typed()).is_ok());
    request.to_string().into_bytes()
}

fn message(c: &mut Criterion) {
    let bytes = Bytes::from_static(INVITE.as_bytes());
    let mut group = c.benchmark_group("INVITE: parse, five typed header fields, print");
    group.bench_function("ours", |b| b.iter(|| ours(black_box(&bytes))));
    group.bench_function("rsip", |b| b.iter(|| rsip_does(black_box(INVITE.as_bytes()))));
    group.finish();
}

criterion_group!(benches, message);
criterion_main!(benches);
