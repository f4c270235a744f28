//! 16-bit sequence numbers on a line without end (RFC 3550 appendix A.1, RFC 3711 §3.3.1).

/// Whether `a` comes after `b`, at most half a turn ahead.
pub const fn is_newer(a: u16, b: u16) -> bool {
    a != b && a.wrapping_sub(b) < 0x8000
}

/// The signed distance from `b` to `a`: positive when `a` is newer.
pub const fn distance(a: u16, b: u16) -> i32 {
    a.wrapping_sub(b) as i16 as i32
}

/// The index nearest to `reference` whose low 16 bits are `sequence`; never below zero.
pub const fn nearest(reference: u64, sequence: u16) -> u64 {
    let step = distance(sequence, reference as u16) as i64;
    match reference.checked_add_signed(step) {
        Some(index) => index,
        // Before the first turn there is nothing: this number lies ahead.
        None => reference.wrapping_add_signed(step).wrapping_add(0x1_0000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn newer_goes_round_the_corner() {
        assert!(is_newer(0, 65_535));
        assert!(!is_newer(65_535, 0));
        assert!(!is_newer(5, 5));
        assert_eq!(distance(2, 65_534), 4);
        assert_eq!(distance(65_534, 2), -4);
    }

    #[test]
    fn nearest_index_follows_the_turn() {
        assert_eq!(nearest(65_535, 0), 65_536);
        assert_eq!(nearest(65_536, 65_535), 65_535);
        assert_eq!(nearest(3, 65_534), 65_534, "nothing lies before the start");
        assert_eq!(nearest(0x5_0001, 0xFFFF), 0x4_FFFF);
    }
}
