//! RTP (RFC 3550), RTCP and its feedback (RFC 4585, RFC 5104), SRTP (RFC 3711, RFC 7714) with SDES keys (RFC 4568),
//! telephone-event (RFC 4733) and the H.264 payload (RFC 6184). Sans-IO: no socket, clock, thread or entropy.

pub mod demux;
pub mod dtmf;
pub mod h264;
pub mod jitter;
pub mod packet;
pub mod report;
pub mod rtcp;
pub mod sdes;
pub mod sequence;
pub mod srtp;

#[cfg(test)]
mod testing;
