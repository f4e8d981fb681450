//! Bytes of text in any encoding: a byte order mark, else UTF-8, else what the
//! document says of itself, else what its bytes look like.

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE};

/// How far a document is looked at for the encoding that it names.
const PROLOGUE: usize = 2_048;

/// The text of `bytes`. What can't be decoded becomes U+FFFD.
pub(super) fn decode(bytes: Vec<u8>) -> String {
    let encoding = match Encoding::for_bom(&bytes) {
        Some((encoding, _)) if encoding != UTF_8 => Some(encoding),
        // Text with zeros in every other byte may well be valid UTF-8.
        _ => utf16_without_mark(&bytes),
    };
    if let Some(encoding) = encoding {
        return encoding.decode(&bytes).0.into_owned();
    }
    match String::from_utf8(bytes) {
        // A mark is kept: places are counted in what was sent.
        Ok(text) => text,
        Err(error) => {
            let bytes = error.as_bytes();
            let encoding = named(bytes).unwrap_or_else(|| guessed(bytes));
            encoding.decode(bytes).0.into_owned()
        }
    }
}

fn guessed(bytes: &[u8]) -> &'static Encoding {
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
    detector.feed(bytes, true);
    detector.guess(None, Utf8Detection::Allow)
}

/// UTF-16 that begins without a mark: of ASCII every other byte is zero.
pub(super) fn utf16_without_mark(bytes: &[u8]) -> Option<&'static Encoding> {
    let head = &bytes[..bytes.len().min(PROLOGUE) & !1];
    let zeros = |odd: usize| {
        let every_other = head.iter().skip(odd).step_by(2);
        every_other.filter(|byte| **byte == 0).count()
    };
    let (even, odd, pairs) = (zeros(0), zeros(1), head.len() / 2);
    if pairs < 2 || (even > 0 && odd > 0 && even * 10 > odd && odd * 10 > even) {
        return None;
    }
    if odd * 10 >= pairs * 4 && odd > even {
        return Some(UTF_16LE);
    }
    (even * 10 >= pairs * 4 && even > odd).then_some(UTF_16BE)
}

/// The encoding that an XML declaration or a `meta` element names. It can't be
/// one of two bytes a letter, since its name was read letter by letter.
fn named(bytes: &[u8]) -> Option<&'static Encoding> {
    let head = &bytes[..bytes.len().min(PROLOGUE)];
    let head = String::from_utf8_lossy(head).to_ascii_lowercase();
    let markup = head.trim_start().starts_with('<');
    let at = ["charset=", "encoding="]
        .into_iter()
        .filter(|_| markup)
        .find_map(|key| head.find(key).map(|at| at + key.len()))?;
    let label: String = head[at..]
        .trim_start_matches(['"', '\'', ' '])
        .chars()
        .take_while(|letter| letter.is_ascii_alphanumeric() || "-_:.".contains(*letter))
        .collect();
    Encoding::for_label(label.as_bytes())
        .filter(|encoding| ![UTF_16LE, UTF_16BE].contains(encoding))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_encodings_are_told() {
        let text = "Grüße aus Köln: die Straße ist für Fußgänger geöffnet.";
        let german = encoding_rs::WINDOWS_1252.encode(text).0.into_owned();
        assert_eq!(decode(german), text);
        let russian = "Съешь же ещё этих мягких французских булок, да выпей чаю.";
        for encoding in [encoding_rs::WINDOWS_1251, encoding_rs::KOI8_R] {
            assert_eq!(decode(encoding.encode(russian).0.into_owned()), russian);
        }
        let japanese = "これは日本語の文章です。文字コードを当てます。";
        for encoding in [encoding_rs::SHIFT_JIS, encoding_rs::EUC_JP] {
            assert_eq!(decode(encoding.encode(japanese).0.into_owned()), japanese);
        }
        let utf16: Vec<u8> = "plain text"
            .encode_utf16()
            .flat_map(u16::to_be_bytes)
            .collect();
        let marked = [vec![0xfe, 0xff], utf16.clone()].concat();
        assert_eq!(decode(marked), "plain text");
        // Its bytes are valid UTF-8 with NULs: only their pattern tells.
        assert_eq!(decode(utf16), "plain text");
        let named = b"<meta charset='iso-8859-2'><p>\xb1".to_vec();
        assert!(decode(named).ends_with('ą'));
    }
}
