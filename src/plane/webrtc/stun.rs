//! Just enough of STUN (RFC 8489 §5, §14) to tell for whom a request is, before anybody parses it in full.

const BINDING_REQUEST: [u8; 2] = [0x00, 0x01];
const MAGIC_COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
const USERNAME: u16 = 0x0006;

/// The user name fragment of the side that a binding request asks: what stands before the colon (RFC 8445 §7.2.2).
/// `None` for everything else.
pub(super) fn local_fragment(datagram: &[u8]) -> Option<&str> {
    let (header, mut attributes) = datagram.split_at_checked(20)?;
    if !header.starts_with(&BINDING_REQUEST) || header.get(4..8) != Some(&MAGIC_COOKIE) {
        return None;
    }
    while let Some((head, rest)) = attributes.split_first_chunk::<4>() {
        let [t0, t1, l0, l1] = *head;
        let length = usize::from(u16::from_be_bytes([l0, l1]));
        let value = rest.get(..length)?;
        if u16::from_be_bytes([t0, t1]) == USERNAME {
            return std::str::from_utf8(value).ok()?.split_once(':').map(|(local, _)| local);
        }
        attributes = rest.get(length.next_multiple_of(4)..)?;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(attributes: &[u8]) -> Vec<u8> {
        let mut datagram = vec![0, 1, 0, attributes.len() as u8, 0x21, 0x12, 0xa4, 0x42];
        datagram.extend([7; 12]);
        datagram.extend(attributes);
        datagram
    }

    #[test]
    fn finds_the_fragment_behind_other_attributes() {
        // PRIORITY, then a padded one, then USERNAME
        let mut attributes = vec![0x00, 0x24, 0, 4, 1, 2, 3, 4, 0x80, 0x22, 0, 3, b'a', b'b', b'c', 0];
        attributes.extend([0x00, 0x06, 0, 9]);
        attributes.extend(b"ours:them\0\0\0");
        let datagram = request(&attributes);
        assert_eq!(local_fragment(&datagram), Some("ours"));
        for length in 0..datagram.len() - 3 {
            assert_eq!(local_fragment(&datagram[..length]), None, "cut to {length}");
        }
    }

    #[test]
    fn leaves_everything_else() {
        let name = [0x00, 0x06, 0, 4, b'o', b'u', b'r', b's'];
        assert_eq!(local_fragment(&request(&name)), None, "no colon");
        let mut response = request(&[0x00, 0x06, 0, 4, b'a', b':', b'b', b' ']);
        assert_eq!(local_fragment(&response), Some("a"));
        response[0] = 1;
        assert_eq!(local_fragment(&response), None);
        assert_eq!(local_fragment(&[0x80; 64]), None, "RTP");
        assert_eq!(local_fragment(&[22; 64]), None, "DTLS");
    }
}
