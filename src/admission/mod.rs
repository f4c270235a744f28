//! Admission policy: digits to a verdict. Only here is it known that digits are a PIN, and only here are wrong ones
//! counted.

pub mod desk;
pub mod lockout;
pub mod role;

pub use desk::{Desk, DoorPins, Refusal, Verdict};
pub use lockout::{Alarm, Lockout};
pub use role::Role;
