//! Paragraphs, lists and tables as word processors nest them, brought into
//! blocks.

use super::{BlockKind, ParseError, kept::Kept, one_line};

/// A paragraph that has begun.
#[derive(Debug)]
struct Paragraph {
    text: String,
    kind: BlockKind,
}

/// What is open, and what came before.
#[derive(Debug, Default)]
pub(super) struct Flow {
    /// The blocks so far.
    pub(super) kept: Kept,
    open: Vec<Paragraph>,
    tables: usize,
    table: String,
    row: Vec<String>,
}

impl Flow {
    /// A paragraph begins; one that is open goes on behind it.
    pub(super) fn begin(&mut self, kind: BlockKind) {
        self.open.push(Paragraph {
            text: String::new(),
            kind,
        });
    }

    /// The open paragraph turns out to be of this kind.
    pub(super) fn set_kind(&mut self, kind: BlockKind) {
        if let Some(paragraph) = self.open.last_mut() {
            paragraph.kind = kind;
        }
    }

    /// The open paragraph is an item of a list, unless it is a heading.
    pub(super) fn list_item(&mut self) {
        if let Some(paragraph) = self.open.last_mut()
            && !matches!(paragraph.kind, BlockKind::Heading(_))
        {
            paragraph.kind = BlockKind::Item;
        }
    }

    /// Text of the open paragraph; what stands in none is no text.
    pub(super) fn text(&mut self, text: &str) {
        if let Some(paragraph) = self.open.last_mut() {
            paragraph.text.push_str(text);
        }
    }

    /// The open paragraph ends.
    pub(super) fn end(&mut self) -> Result<(), ParseError> {
        let Some(paragraph) = self.open.pop() else {
            return Ok(());
        };
        if self.tables > 0 {
            if let (Some(cell), false) = (self.row.last_mut(), paragraph.text.trim().is_empty()) {
                if !cell.is_empty() {
                    cell.push(' ');
                }
                cell.push_str(&one_line(&paragraph.text));
            }
            return Ok(());
        }
        match paragraph.kind {
            BlockKind::Item => {
                let text = paragraph.text.trim();
                let mark = if text.is_empty() { "" } else { "- " };
                self.kept.push(BlockKind::Item, &format!("{mark}{text}"))
            }
            BlockKind::Heading(level) => {
                let heading = BlockKind::Heading(level);
                self.kept.push(heading, &one_line(&paragraph.text))
            }
            kind => self.kept.push(kind, &paragraph.text),
        }
    }

    /// A table begins; one within another is part of its cell.
    pub(super) fn begin_table(&mut self) {
        self.tables += 1;
    }

    /// A row begins.
    pub(super) fn begin_row(&mut self) {
        if self.tables == 1 {
            self.row.clear();
        }
    }

    /// A cell begins.
    pub(super) fn begin_cell(&mut self) {
        if self.tables == 1 {
            self.row.push(String::new());
        }
    }

    /// A row ends.
    pub(super) fn end_row(&mut self) {
        let row = &self.row;
        if self.tables == 1 && !row.iter().all(String::is_empty) {
            self.table.push_str(self.row.join(" | ").trim_end());
            self.table.push('\n');
        }
    }

    /// A table ends.
    pub(super) fn end_table(&mut self) -> Result<(), ParseError> {
        self.tables = self.tables.saturating_sub(1);
        if self.tables > 0 {
            return Ok(());
        }
        let table = std::mem::take(&mut self.table);
        self.kept.push(BlockKind::Whole, &table)
    }
}
