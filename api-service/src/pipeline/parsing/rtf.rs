//! RTF 1.9.1: the text of the body, paragraph by paragraph. Fonts, pictures,
//! fields' instructions and what else is no text is left out.

use encoding_rs::{Encoding, WINDOWS_1252};

use super::{BlockKind, ParseError, Parsed, flow::Flow, one_line};

/// Groups whose content is no text of the body.
const NO_TEXT: &[&str] = &[
    "fonttbl",
    "colortbl",
    "stylesheet",
    "listtable",
    "listoverridetable",
    "info",
    "pict",
    "object",
    "header",
    "headerl",
    "headerr",
    "headerf",
    "footer",
    "footerl",
    "footerr",
    "footerf",
    "fldinst",
    "themedata",
    "datastore",
    "generator",
    "xmlnstbl",
    "rsidtbl",
    "latentstyles",
    "filetbl",
    "revtbl",
    "pntext",
    "pntxta",
    "pntxtb",
    "nonshppict",
    "bkmkstart",
    "bkmkend",
    "annotation",
    "atnid",
    "atnauthor",
];

/// Groups may be nested so deeply.
const DEEPEST: usize = 1_000;

/// What a group changes until it ends.
#[derive(Clone, Copy)]
struct State {
    skipped: bool,
    /// How many characters stand in for a `\u` (the control word `uc`).
    stand_ins: usize,
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    flow: Flow,
    stack: Vec<State>,
    state: State,
    encoding: &'static Encoding,
    /// Bytes of the document's code page that are not decoded yet.
    coded: Vec<u8>,
    /// The first half of a letter that `\u` gives in two.
    high: Option<u16>,
    heading: Option<u8>,
    in_row: bool,
    skip: usize,
}

pub(super) fn parse(bytes: &[u8]) -> Result<Parsed, ParseError> {
    let mut reader = Reader {
        bytes,
        at: 0,
        flow: Flow::default(),
        stack: vec![],
        state: State {
            skipped: false,
            stand_ins: 1,
        },
        encoding: WINDOWS_1252,
        coded: vec![],
        high: None,
        heading: None,
        in_row: false,
        skip: 0,
    };
    reader.flow.begin(BlockKind::Prose);
    while let Some(byte) = reader.next() {
        reader.take(byte)?;
    }
    reader.decode();
    reader.flow.end()?;
    Ok(reader.flow.kept.finish())
}

impl Reader<'_> {
    fn next(&mut self) -> Option<u8> {
        let byte = *self.bytes.get(self.at)?;
        self.at += 1;
        Some(byte)
    }

    fn take(&mut self, byte: u8) -> Result<(), ParseError> {
        match byte {
            b'{' => {
                self.decode();
                self.skip = 0;
                if self.stack.len() >= DEEPEST {
                    return Err(ParseError::TooComplex);
                }
                self.stack.push(self.state);
            }
            b'}' => {
                self.decode();
                self.skip = 0;
                if let Some(state) = self.stack.pop() {
                    self.state = state;
                }
            }
            b'\\' => return self.control(),
            b'\r' | b'\n' => {}
            byte => self.letter(byte),
        }
        Ok(())
    }

    /// A character of the code page; some only stand in for a `\u` before.
    fn letter(&mut self, byte: u8) {
        if self.skip > 0 {
            self.skip -= 1;
        } else if !self.state.skipped {
            self.coded.push(byte);
        }
    }

    fn decode(&mut self) {
        if !self.coded.is_empty() {
            let coded = std::mem::take(&mut self.coded);
            self.flow
                .text(&self.encoding.decode_without_bom_handling(&coded).0);
        }
    }

    fn text(&mut self, text: &str) {
        self.decode();
        if !self.state.skipped {
            self.flow.text(text);
        }
    }

    fn control(&mut self) -> Result<(), ParseError> {
        let Some(first) = self.next() else {
            return Ok(());
        };
        if !first.is_ascii_alphabetic() {
            self.symbol(first);
            return Ok(());
        }
        let begin = self.at - 1;
        while self.bytes.get(self.at).is_some_and(u8::is_ascii_alphabetic) {
            self.at += 1;
        }
        let word = String::from_utf8_lossy(&self.bytes[begin..self.at]).into_owned();
        let begin = self.at;
        while self
            .bytes
            .get(self.at)
            .is_some_and(|byte| byte.is_ascii_digit() || (*byte == b'-' && self.at == begin))
        {
            self.at += 1;
        }
        let number = String::from_utf8_lossy(&self.bytes[begin..self.at]);
        let number: Option<i64> = number.parse().ok();
        if self.bytes.get(self.at) == Some(&b' ') {
            self.at += 1;
        }
        self.word(&word, number)
    }

    fn symbol(&mut self, symbol: u8) {
        match symbol {
            b'\'' => {
                let digits = self.bytes.get(self.at..self.at + 2);
                self.at = (self.at + 2).min(self.bytes.len());
                let digits = digits.and_then(|digits| str::from_utf8(digits).ok());
                if let Some(byte) = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
                    self.letter(byte);
                }
            }
            b'\\' | b'{' | b'}' => self.letter(symbol),
            b'~' => self.text("\u{a0}"),
            b'_' => self.text("-"),
            // A destination that may be left out, and is not known here.
            b'*' => self.state.skipped = true,
            _ => {}
        }
    }

    fn word(&mut self, word: &str, number: Option<i64>) -> Result<(), ParseError> {
        if NO_TEXT.contains(&word) {
            self.decode();
            self.state.skipped = true;
        }
        if self.state.skipped {
            if word == "bin" {
                self.binary(number);
            }
            return Ok(());
        }
        match word {
            "par" | "sect" | "page" => self.end_paragraph()?,
            "cell" => self.text(" | "),
            "row" => {
                self.in_row = false;
                self.end_paragraph()?;
            }
            "intbl" => self.in_row = true,
            "pard" => (self.heading, self.in_row) = (None, false),
            "outlinelevel" => {
                let level = number.and_then(|level| u8::try_from(level + 1).ok());
                self.heading = level.filter(|level| *level <= 6);
            }
            "line" => self.text("\n"),
            "tab" => self.text("\t"),
            "emdash" => self.text("—"),
            "endash" => self.text("–"),
            "lquote" => self.text("‘"),
            "rquote" => self.text("’"),
            "ldblquote" => self.text("“"),
            "rdblquote" => self.text("”"),
            "bullet" => self.text("•"),
            "uc" => self.state.stand_ins = number.and_then(|n| n.try_into().ok()).unwrap_or(1),
            "u" => self.unicode(number.unwrap_or_default()),
            "ansicpg" => self.encoding = code_page(number).unwrap_or(WINDOWS_1252),
            "bin" => self.binary(number),
            _ => {}
        }
        Ok(())
    }

    fn binary(&mut self, length: Option<i64>) {
        let length = length
            .and_then(|length| length.try_into().ok())
            .unwrap_or(0);
        self.at = self.at.saturating_add(length).min(self.bytes.len());
    }

    /// A UTF-16 unit, written as a signed number.
    fn unicode(&mut self, number: i64) {
        self.decode();
        self.skip = self.state.stand_ins;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a unit of 16 bits, with or without sign"
        )]
        let unit = number as u16;
        let units: Vec<u16> = self.high.take().into_iter().chain([unit]).collect();
        if (0xd800..0xdc00).contains(&unit) {
            self.high = Some(unit);
        } else {
            self.text(&String::from_utf16_lossy(&units));
        }
    }

    fn end_paragraph(&mut self) -> Result<(), ParseError> {
        self.decode();
        if self.in_row {
            self.flow.text(" ");
            return Ok(());
        }
        if let Some(level) = self.heading {
            self.flow.set_kind(BlockKind::Heading(level));
        }
        self.flow.end()?;
        self.flow.begin(BlockKind::Prose);
        Ok(())
    }
}

fn code_page(number: Option<i64>) -> Option<&'static Encoding> {
    let label = match number? {
        932 => "shift_jis".to_owned(),
        936 => "gbk".to_owned(),
        949 => "euc-kr".to_owned(),
        950 => "big5".to_owned(),
        10000 => "macintosh".to_owned(),
        page => format!("windows-{page}"),
    };
    Encoding::for_label(one_line(&label).as_bytes())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn texts(source: &str) -> Vec<String> {
        let blocks = parse(source.as_bytes()).unwrap().blocks;
        blocks.into_iter().map(|block| block.text).collect()
    }

    #[test]
    fn text_is_read_and_furniture_is_not() {
        let source = r"{\rtf1\ansi\ansicpg1252{\fonttbl{\f0 Times;}}{\*\generator Me;}
\pard\outlinelevel0 The head\par\pard Stra\'dfe \u8364?\u-10179 ?\u-8703 ? {\b bold}\{x\}.\par
\trowd\intbl a\cell b\cell\row\pard end}";
        assert_eq!(
            texts(source),
            ["The head", "Straße €😁 bold{x}.", "a | b |", "end"]
        );
        let russian = r"{\rtf1\ansicpg1251 \'cf\'f0\'e8\'e2\'e5\'f2}";
        assert_eq!(texts(russian), ["Привет"]);
        assert_eq!(
            parse("{".repeat(5_000).as_bytes()),
            Err(ParseError::TooComplex)
        );
    }

    proptest! {
        #[test]
        fn whatever_comes_is_read_in_place(source in r"\{?\\rtf1([{}\\a-z0-9' ~*-]|\\u-?[0-9]{1,6}|\\'[0-9a-f]|é){0,200}") {
            if let Ok(parsed) = parse(source.as_bytes()) {
                for block in parsed.blocks {
                    prop_assert_eq!(&parsed.source[block.span.clone()], &block.text);
                }
            }
        }
    }
}
