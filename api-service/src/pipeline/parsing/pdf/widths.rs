//! The widths of letters, brought into the one form that the library reads.

use pdf_extract::{Document, Object};

/// A font has no more letters than this.
const MOST_LETTERS: i64 = 65_536;

/// Writes out the widths that fonts give for a range of letters, as in
/// `19 28 500` (ISO 32000-1, 9.7.4.3): the library misreads that form, and
/// places what stands behind such a letter too far to the left.
pub(super) fn write_out(document: &mut Document) {
    let arrays = document.objects.values().filter_map(|object| {
        let font = object.as_dict().ok()?;
        match font.get(b"W").ok()? {
            Object::Reference(id) => Some(*id),
            _ => None,
        }
    });
    let arrays: Vec<_> = arrays.collect();
    for id in arrays {
        if let Some(Object::Array(widths)) = document.objects.get_mut(&id) {
            *widths = written_out(widths);
        }
    }
    for object in document.objects.values_mut() {
        let Ok(font) = object.as_dict_mut() else {
            continue;
        };
        if !font.has(b"FontDescriptor") {
            continue;
        }
        if let Ok(Object::Array(widths)) = font.get_mut(b"W") {
            *widths = written_out(widths);
        }
    }
}

fn written_out(widths: &[Object]) -> Vec<Object> {
    let (mut out, mut at, mut left) = (vec![], 0, MOST_LETTERS);
    while let (Some(first), Some(next)) = (widths.get(at), widths.get(at + 1)) {
        let Ok(from) = first.as_i64() else { break };
        if matches!(next, Object::Array(_) | Object::Reference(_)) {
            out.extend([first.clone(), next.clone()]);
            at += 2;
            continue;
        }
        let (Ok(to), Some(width)) = (next.as_i64(), widths.get(at + 2)) else {
            break;
        };
        let letters = to.saturating_sub(from).saturating_add(1).clamp(0, left);
        left -= letters;
        let each = (0..letters).map(|_| width.clone());
        out.extend([first.clone(), Object::Array(each.collect())]);
        at += 3;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_become_lists_of_bounded_length() {
        let list = || Object::Array(vec![7.into()]);
        let widths = [3.into(), list(), 19.into(), 21.into(), 500.into()];
        let expected = [
            3.into(),
            list(),
            19.into(),
            Object::Array(vec![500.into(), 500.into(), 500.into()]),
        ];
        assert_eq!(written_out(&widths), expected);
        let endless = [0.into(), i64::MAX.into(), 500.into(), 9.into()];
        let out = written_out(&endless);
        assert_eq!(out[1].as_array().unwrap().len(), 65_536);
        assert_eq!(written_out(&[Object::Null, 1.into()]), []);
    }
}
