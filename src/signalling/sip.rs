//! SIP to and from leg events.
