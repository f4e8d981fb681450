//! What stands under which headings.

use super::parsing::{Block, BlockKind};

/// The blocks between two headings.
pub(super) struct Section<'a> {
    /// Those headings.
    pub(super) headings: Vec<String>,
    /// Where each of the headings begins in the source, for those that have no
    /// text before this section's.
    pub(super) starts: Vec<Option<usize>>,
    /// The blocks.
    pub(super) blocks: Vec<&'a Block>,
}

/// A heading that what comes next stands under.
struct Above<'a> {
    level: u8,
    block: &'a Block,
    /// Whether some text has it in its path.
    told: bool,
}

/// The blocks under each heading. A heading with nothing under it is text
/// itself, so that it is not lost.
pub(super) fn sections(blocks: &[Block]) -> Vec<Section<'_>> {
    let mut sections: Vec<Section<'_>> = vec![];
    let mut above: Vec<Above<'_>> = vec![];
    let mut fresh = true;
    // Where the text so far ends.
    let mut told = 0;
    for block in blocks {
        if let BlockKind::Heading(level) = block.kind {
            let left = above.partition_point(|heading| heading.level < level);
            let left = untold(above.split_off(left));
            if let Some(last) = left.last() {
                let mut section = section(&mut above, told);
                told = told.max(last.span.end);
                section.blocks = left;
                sections.push(section);
            }
            above.push(Above {
                level,
                block,
                told: false,
            });
            fresh = true;
            continue;
        }
        if fresh {
            sections.push(section(&mut above, told));
            fresh = false;
        }
        told = told.max(block.span.end);
        if let Some(section) = sections.last_mut() {
            section.blocks.push(block);
        }
    }
    let left = untold(std::mem::take(&mut above));
    if !left.is_empty() {
        let mut section = section(&mut above, told);
        section.blocks = left;
        sections.push(section);
    }
    sections
}

/// The headings that no text stood under.
fn untold(headings: Vec<Above<'_>>) -> Vec<&Block> {
    let untold = headings.into_iter().filter(|heading| !heading.told);
    untold.map(|heading| heading.block).collect()
}

/// A section under these headings, for what comes behind `told`.
fn section<'a>(above: &mut [Above<'a>], told: usize) -> Section<'a> {
    let starts = above.iter().map(|heading| heading.block.span.start);
    let section = Section {
        starts: starts
            .map(|start| Some(start).filter(|start| *start >= told))
            .collect(),
        headings: above
            .iter()
            .map(|heading| heading.block.text.clone())
            .collect(),
        blocks: vec![],
    };
    for heading in above {
        heading.told = true;
    }
    section
}
