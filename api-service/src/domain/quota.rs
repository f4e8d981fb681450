//! How much a user may keep.

/// The most that may be in all knowledge bases of one user together; 0 stands
/// for no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Quota {
    /// Documents.
    pub documents: u64,
    /// Bytes of these documents as they were sent, in their newest versions.
    pub bytes: u64,
}

impl Quota {
    /// Whether so many documents of so many bytes may be kept.
    pub const fn allows(self, documents: u64, bytes: u64) -> bool {
        (self.documents == 0 || documents <= self.documents)
            && (self.bytes == 0 || bytes <= self.bytes)
    }

    /// Whether there is anything that it does not allow.
    pub const fn is_limited(self) -> bool {
        self.documents > 0 || self.bytes > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_of_the_two_limits_counts_unless_it_is_zero() {
        let both = Quota {
            documents: 2,
            bytes: 10,
        };
        assert!(both.allows(2, 10));
        assert!(!both.allows(3, 10));
        assert!(!both.allows(2, 11));
        assert!(Quota { bytes: 0, ..both }.allows(2, u64::MAX));
        let none = Quota::default();
        assert!(none.allows(u64::MAX, u64::MAX) && !none.is_limited());
    }
}
