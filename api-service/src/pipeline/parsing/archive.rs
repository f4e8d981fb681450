//! Zip archives, read in memory: nothing is written, and nothing is inflated
//! beyond what a document can need.

use std::{
    cell::Cell,
    collections::HashMap,
    io::{Cursor, Read},
    ops::Range,
};

use flate2::read::DeflateDecoder;

use super::ParseError;

/// All entries together are inflated to no more than this, in bytes.
const MOST_INFLATED: usize = 96 * 1024 * 1024;

/// An entry may always have this size, in bytes, however well it is compressed;
const SMALL: usize = 4 * 1024 * 1024;

/// beyond that, at most this many times its compressed size: XML of real
/// documents stays below 100, deflate reaches 1,000.
const MOST_RATIO: usize = 200;

/// More entries than this are no document's.
const MOST_ENTRIES: usize = 20_000;

const END: &[u8] = b"PK\x05\x06";
const CENTRAL: &[u8] = b"PK\x01\x02";
const LOCAL: &[u8] = b"PK\x03\x04";

struct Entry {
    deflated: bool,
    encrypted: bool,
    compressed: usize,
    local: usize,
}

/// An archive's entries, and what may still be inflated of it.
pub(super) struct Archive<'a> {
    bytes: &'a [u8],
    entries: HashMap<String, Entry>,
    left: Cell<usize>,
}

impl<'a> Archive<'a> {
    /// Reads the central directory (APPNOTE.TXT 4.3.12; no zip64, which no
    /// document of this size needs).
    pub(super) fn open(bytes: &'a [u8]) -> Result<Self, ParseError> {
        let (count, mut at) = directory(bytes).ok_or(ParseError::Unreadable)?;
        if count > MOST_ENTRIES {
            return Err(ParseError::TooComplex);
        }
        let mut entries = HashMap::new();
        for _ in 0..count {
            let (name, entry, next) = central(bytes, at).ok_or(ParseError::Unreadable)?;
            entries.insert(name, entry);
            at = next;
        }
        Ok(Self {
            bytes,
            entries,
            left: Cell::new(MOST_INFLATED),
        })
    }

    /// The bytes of an entry, if there is one of this name.
    pub(super) fn get(&self, name: &str) -> Result<Option<Vec<u8>>, ParseError> {
        let Some(entry) = self.entries.get(name) else {
            return Ok(None);
        };
        if entry.encrypted {
            return Err(ParseError::Encrypted);
        }
        let stored = content(self.bytes, entry).ok_or(ParseError::Unreadable)?;
        let stored = &self.bytes[stored];
        let ratio = SMALL.max(entry.compressed.saturating_mul(MOST_RATIO));
        let most = self.left.get().min(ratio);
        let mut inflated = vec![];
        let mut reader: Box<dyn Read> = if entry.deflated {
            Box::new(DeflateDecoder::new(stored))
        } else {
            Box::new(Cursor::new(stored))
        };
        // What an entry says of its size is not believed.
        (&mut reader)
            .take(most as u64 + 1)
            .read_to_end(&mut inflated)
            .map_err(|_| ParseError::Unreadable)?;
        if inflated.len() > most {
            return Err(ParseError::TooComplex);
        }
        self.left.set(self.left.get() - inflated.len());
        Ok(Some(inflated))
    }

    /// The bytes of an entry that must be there.
    pub(super) fn need(&self, name: &str) -> Result<Vec<u8>, ParseError> {
        self.get(name)?.ok_or(ParseError::Unreadable)
    }
}

fn number<const BYTES: usize>(bytes: &[u8], at: usize) -> Option<usize> {
    let field = bytes.get(at..at.checked_add(BYTES)?)?;
    let value = field.iter().rev();
    Some(value.fold(0, |value, byte| value << 8 | usize::from(*byte)))
}

/// How many entries there are, and where the central directory begins.
fn directory(bytes: &[u8]) -> Option<(usize, usize)> {
    let from = bytes.len().saturating_sub(usize::from(u16::MAX) + 22);
    let tail = bytes.get(from..)?;
    let end = from + tail.windows(4).rposition(|window| window == END)?;
    Some((number::<2>(bytes, end + 10)?, number::<4>(bytes, end + 16)?))
}

fn central(bytes: &[u8], at: usize) -> Option<(String, Entry, usize)> {
    if bytes.get(at..at + 4)? != CENTRAL {
        return None;
    }
    let name = at + 46..at + 46 + number::<2>(bytes, at + 28)?;
    let next = name.end + number::<2>(bytes, at + 30)? + number::<2>(bytes, at + 32)?;
    let entry = Entry {
        deflated: match number::<2>(bytes, at + 10)? {
            0 => false,
            8 => true,
            _ => return None,
        },
        encrypted: number::<2>(bytes, at + 8)? & 1 == 1,
        compressed: number::<4>(bytes, at + 20)?,
        local: number::<4>(bytes, at + 42)?,
    };
    let name = String::from_utf8_lossy(bytes.get(name)?).replace('\\', "/");
    Some((name, entry, next))
}

/// Where an entry's bytes stand: behind its local header.
fn content(bytes: &[u8], entry: &Entry) -> Option<Range<usize>> {
    let at = entry.local;
    if bytes.get(at..at.checked_add(4)?)? != LOCAL {
        return None;
    }
    let start = at + 30 + number::<2>(bytes, at + 26)? + number::<2>(bytes, at + 28)?;
    let end = start.checked_add(entry.compressed)?;
    (end <= bytes.len()).then_some(start..end)
}

#[cfg(test)]
pub(super) mod tests {
    use std::io::Write;

    use flate2::{Compression, write::DeflateEncoder};
    use proptest::prelude::*;

    use super::*;

    /// An archive of these entries, deflated.
    pub(in super::super) fn zip(entries: &[(&str, &[u8])]) -> Vec<u8> {
        let (mut out, mut directory) = (vec![], vec![]);
        let (short, long) = (
            |number: usize| u16::try_from(number).unwrap().to_le_bytes(),
            |number: usize| u32::try_from(number).unwrap().to_le_bytes(),
        );
        for (name, content) in entries {
            let mut encoder = DeflateEncoder::new(vec![], Compression::best());
            encoder.write_all(content).unwrap();
            let packed = encoder.finish().unwrap();
            let mut fields = vec![20, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0];
            fields.extend(long(packed.len()));
            fields.extend(long(content.len()));
            fields.extend(short(name.len()));
            fields.extend([0, 0]);
            directory.extend([CENTRAL, &[20, 0], &fields, &[0; 10], &long(out.len())].concat());
            directory.extend(name.as_bytes());
            out.extend([LOCAL, &fields, name.as_bytes(), &packed].concat());
        }
        let (at, count) = (out.len(), short(entries.len()));
        out.extend(&directory);
        out.extend([END, &[0; 4], &count, &count].concat());
        out.extend([long(directory.len()), long(at)].concat());
        out.extend([0, 0]);
        out
    }

    #[test]
    fn entries_come_back_and_bombs_do_not() {
        let bomb = vec![b'a'; 20 * 1024 * 1024];
        let bytes = zip(&[("a/b.txt", b"hello"), ("bomb", &bomb)]);
        let archive = Archive::open(&bytes).unwrap();
        assert_eq!(archive.need("a/b.txt").unwrap(), b"hello");
        assert_eq!(archive.get("none").unwrap(), None);
        assert_eq!(archive.get("bomb"), Err(ParseError::TooComplex));
        assert!(Archive::open(b"PK").is_err());
    }

    proptest! {
        #[test]
        fn broken_archives_are_refused_and_break_nothing(
            at in 0_usize..400, byte in any::<u8>(), cut in 0_usize..400,
        ) {
            let mut bytes = zip(&[("one", b"first"), ("two", &[b'x'; 500])]);
            bytes.truncate(bytes.len().saturating_sub(cut % 30));
            if let Some(place) = bytes.get_mut(at) {
                *place = byte;
            }
            if let Ok(archive) = Archive::open(&bytes) {
                let _ = archive.get("one");
                let _ = archive.get("two");
            }
        }
    }
}
