//! Inflating, within bounds.

use std::io::Read;

use flate2::read::MultiGzDecoder;

/// Why bytes were not inflated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotInflated {
    /// They would become more than they may.
    TooLarge,
    /// They are no gzip, or are cut off.
    Broken,
}

/// Whether bytes begin as gzip does (RFC 1952, section 2.3.1).
pub fn is_gzip(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0x1f, 0x8b])
}

/// What gzip holds, if that is at most `limit` bytes. No more than that is ever
/// inflated.
pub fn gunzip(bytes: &[u8], limit: usize) -> Result<Vec<u8>, NotInflated> {
    let bound = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    let mut inflated = vec![];
    let read = MultiGzDecoder::new(bytes)
        .take(bound)
        .read_to_end(&mut inflated);
    match read {
        Ok(length) if length > limit => Err(NotInflated::TooLarge),
        Ok(_) => Ok(inflated),
        Err(_) => Err(NotInflated::Broken),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::{Compression, write::GzEncoder};

    use super::*;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(vec![], Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn what_went_in_comes_out() {
        let packed = gzip(b"once upon a time");
        assert!(is_gzip(&packed));
        assert_eq!(gunzip(&packed, 16).unwrap(), b"once upon a time");
        assert_eq!(gunzip(&packed, 15), Err(NotInflated::TooLarge));
        assert_eq!(gunzip(&packed[..20], 16), Err(NotInflated::Broken));
        assert_eq!(gunzip(b"no gzip at all", 16), Err(NotInflated::Broken));
    }

    #[test]
    fn a_bomb_is_inflated_up_to_the_bound_alone() {
        let bomb = gzip(&vec![0; 100_000_000]);
        assert!(bomb.len() < 200_000);
        assert_eq!(gunzip(&bomb, 1_000), Err(NotInflated::TooLarge));
    }
}
