//! From letters to lines, and from lines to the order that columns are read in.

/// A letter, or a few that are one glyph, in points from the page's corner at
/// the bottom left.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Glyph {
    pub(super) x: f64,
    pub(super) y: f64,
    /// Where it ends.
    pub(super) end: f64,
    pub(super) size: f64,
    pub(super) text: String,
    pub(super) turned: bool,
}

impl Glyph {
    pub(super) fn is_sound(&self) -> bool {
        let numbers = [self.x, self.y, self.end, self.size];
        let sound = |number: &f64| number.is_finite() && number.abs() < 1e6;
        numbers.iter().all(sound) && self.size > 0.1
    }
}

/// What stands together on a line, without a gap as between columns.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Segment {
    pub(super) x: f64,
    pub(super) end: f64,
    pub(super) text: String,
}

/// A line of a column.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Line {
    pub(super) y: f64,
    pub(super) size: f64,
    pub(super) segments: Vec<Segment>,
}

impl Line {
    pub(super) fn text(&self) -> String {
        let texts = self.segments.iter().map(|segment| segment.text.as_str());
        texts.collect::<Vec<_>>().join(" ")
    }
}

/// A gap of so many times the letters' size parts segments,
const GAP: f64 = 1.2;

/// and this one may part columns, where it is at the same place line by line.
const GUTTER: f64 = 0.7;

/// A gap of so many times the letters' size parts words.
const SPACE: f64 = 0.17;

/// Columns have at least so many lines beside one another,
const LEAST_BESIDE: usize = 6;

/// and most of them have at least so many letters: what has fewer is a table.
const LEAST_LETTERS: usize = 18;

/// Columns are found within columns so deep: up to four of them.
const DEEPEST: usize = 2;

/// The lines of a page in the order that they are read in.
pub(super) fn lines(mut glyphs: Vec<Glyph>) -> Vec<Line> {
    let turned = glyphs.iter().filter(|glyph| glyph.turned).count();
    if turned * 2 < glyphs.len() {
        glyphs.retain(|glyph| !glyph.turned);
    }
    glyphs.sort_by(|one, other| other.y.total_cmp(&one.y));
    let mut rows: Vec<Vec<Glyph>> = vec![];
    for glyph in glyphs {
        match rows.last_mut() {
            Some(row) if is_beside(&row[0], &glyph) => row.push(glyph),
            _ => rows.push(vec![glyph]),
        }
    }
    let lines = rows.into_iter().filter_map(line).collect();
    ordered(lines, DEEPEST)
}

fn is_beside(first: &Glyph, glyph: &Glyph) -> bool {
    (first.y - glyph.y).abs() < first.size.max(glyph.size) * 0.4
}

fn line(mut row: Vec<Glyph>) -> Option<Line> {
    row.sort_by(|one, other| one.x.total_cmp(&other.x));
    let letters = row.iter().filter(|glyph| !glyph.text.trim().is_empty());
    let mut sizes: Vec<f64> = letters.clone().map(|glyph| glyph.size).collect();
    sizes.sort_by(f64::total_cmp);
    let size = *sizes.get(sizes.len() / 2)?;
    let y = letters.map(|glyph| glyph.y).fold(0.0, f64::max);
    let mut segments: Vec<Vec<Glyph>> = vec![];
    let mut end = f64::NEG_INFINITY;
    let mut spaced = false;
    for glyph in row {
        if glyph.text.trim().is_empty() {
            spaced = true;
            continue;
        }
        if let Some(before) = segments.last_mut() {
            let doubled = before.iter().rev().take(3).any(|other| {
                other.text == glyph.text && (other.x - glyph.x).abs() < glyph.size * 0.1
            });
            // Bold is sometimes the same letter twice.
            if doubled {
                continue;
            }
        }
        let gap = glyph.x - end;
        let (start, size, reach) = (glyph.x, glyph.size, glyph.end.max(glyph.x));
        match segments.last_mut() {
            Some(open) if gap < size * GUTTER => {
                if spaced || gap > size * SPACE {
                    let text = " ".to_owned();
                    open.push(Glyph {
                        x: start,
                        end: start,
                        text,
                        ..glyph.clone()
                    });
                }
                open.push(glyph);
            }
            _ => segments.push(vec![glyph]),
        }
        (end, spaced) = (end.max(reach), false);
    }
    let mut segments: Vec<Segment> = segments.into_iter().map(segment).collect();
    if segments
        .iter()
        .filter(|segment| is_right_to_left(&segment.text))
        .count()
        * 2
        > segments.len()
    {
        segments.reverse();
    }
    Some(Line { y, size, segments })
}

fn segment(glyphs: Vec<Glyph>) -> Segment {
    let x = glyphs.first().map_or(0.0, |glyph| glyph.x);
    let end = glyphs.iter().map(|glyph| glyph.end).fold(x, f64::max);
    let seen: Vec<String> = glyphs
        .into_iter()
        .map(|glyph| written_out(&glyph.text))
        .collect();
    let text: String = seen.concat();
    let text = if is_right_to_left(&text) {
        logical(&seen)
    } else {
        text
    };
    Segment { x, end, text }
}

/// Ligatures and letters' other forms as the letters that they stand for.
fn written_out(text: &str) -> String {
    use unicode_normalization::UnicodeNormalization;
    let form = |letter: char| matches!(letter, '\u{fb00}'..='\u{fb06}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{fefc}');
    if text.contains(form) {
        return text.nfkc().collect();
    }
    text.to_owned()
}

const fn is_rtl_letter(letter: char) -> bool {
    matches!(letter, '\u{590}'..='\u{8ff}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{fefc}')
}

fn is_right_to_left(text: &str) -> bool {
    let letters = || text.chars().filter(|letter| letter.is_alphabetic());
    let right = letters().filter(|letter| is_rtl_letter(*letter)).count();
    right > 0 && right * 2 >= letters().count()
}

/// From the order on paper, left to right, to that of reading: right to left,
/// but for numbers and words of other scripts.
fn logical(seen: &[String]) -> String {
    let mut runs: Vec<Vec<&str>> = vec![];
    let mut left_to_right = false;
    for glyph in seen {
        let left = glyph.chars().any(|letter| {
            letter.is_ascii_digit() || (letter.is_alphabetic() && !is_rtl_letter(letter))
        });
        match runs.last_mut() {
            Some(run) if left && left_to_right => run.push(glyph),
            _ => runs.push(vec![glyph]),
        }
        left_to_right = left;
    }
    runs.reverse();
    let runs = runs.into_iter().flatten();
    runs.map(|glyph| match glyph {
        "(" => ")",
        ")" => "(",
        glyph => glyph,
    })
    .collect()
}

/// Lines from the top down; where columns of text stand beside one another,
/// column by column.
fn ordered(lines: Vec<Line>, deep: usize) -> Vec<Line> {
    let Some(gutter) = gutter(&lines).filter(|_| deep > 0) else {
        return lines.into_iter().map(merged).collect();
    };
    let mut done: Vec<Line> = vec![];
    let (mut left, mut right) = (vec![], vec![]);
    for line in lines {
        let crosses = |segment: &Segment| segment.x < gutter && segment.end > gutter;
        if line.segments.iter().any(crosses) {
            done.extend(ordered(std::mem::take(&mut left), deep - 1));
            done.extend(ordered(std::mem::take(&mut right), deep - 1));
            done.push(merged(line));
            continue;
        }
        let (before, behind): (Vec<_>, Vec<_>) = line
            .segments
            .iter()
            .cloned()
            .partition(|segment| segment.end <= gutter);
        for (side, segments) in [(&mut left, before), (&mut right, behind)] {
            if !segments.is_empty() {
                let (y, size) = (line.y, line.size);
                side.push(Line { y, size, segments });
            }
        }
    }
    done.extend(ordered(left, deep - 1));
    done.extend(ordered(right, deep - 1));
    done
}

/// What is too close together for the columns of a table, as one segment.
fn merged(mut line: Line) -> Line {
    let mut segments: Vec<Segment> = vec![];
    for segment in line.segments {
        match segments.last_mut() {
            // Either may be the one on the left.
            Some(last) if (segment.x - last.end).max(last.x - segment.end) < line.size * GAP => {
                last.text.push(' ');
                last.text.push_str(&segment.text);
                (last.x, last.end) = (last.x.min(segment.x), last.end.max(segment.end));
            }
            _ => segments.push(segment),
        }
    }
    line.segments = segments;
    line
}

/// Where two columns of running text part, if there are any.
fn gutter(lines: &[Line]) -> Option<f64> {
    let segments = || lines.iter().flat_map(|line| &line.segments);
    let from = segments()
        .map(|segment| segment.x)
        .fold(f64::INFINITY, f64::min);
    let to = segments()
        .map(|segment| segment.end)
        .fold(f64::NEG_INFINITY, f64::max);
    let wide = to - from > 100.0;
    if !wide {
        return None;
    }
    let places = (30..=170).map(|part| from + (to - from) * f64::from(part) / 200.0);
    let best = places
        .map(|place| (crossing(lines, place), place))
        .min_by(|one, other| {
            let middle = |place: f64| (place - f64::midpoint(from, to)).abs();
            let near = middle(one.1).total_cmp(&middle(other.1));
            one.0.cmp(&other.0).then(near)
        });
    let (crossing, place) = best?;
    (crossing * 2 <= lines.len() && are_columns(lines, place)).then_some(place)
}

fn crossing(lines: &[Line], place: f64) -> usize {
    let crosses = |segment: &Segment| segment.x < place && segment.end > place;
    let lines = lines.iter();
    lines
        .filter(|line| line.segments.iter().any(crosses))
        .count()
}

/// Whether running text stands on both sides of a place, beside one another.
fn are_columns(lines: &[Line], place: f64) -> bool {
    let side = |at: fn(&Segment, f64) -> bool| {
        let nearest = lines.iter().filter_map(move |line| {
            let side = line.segments.iter().filter(|segment| at(segment, place));
            let distance = |segment: &&Segment| (segment.x - place).abs();
            let nearest = side.min_by(|one, other| distance(one).total_cmp(&distance(other)));
            Some((line.y, letters(nearest?)))
        });
        nearest.collect::<Vec<(f64, usize)>>()
    };
    let sides = [
        side(|segment, place| segment.end <= place),
        side(|segment, place| segment.x >= place),
    ];
    let reads = |side: &Vec<(f64, usize)>| {
        let mut lengths: Vec<usize> = side.iter().map(|(_, letters)| *letters).collect();
        lengths.sort_unstable();
        lengths.get(lengths.len() / 2).copied() >= Some(LEAST_LETTERS)
    };
    let [left, right] = &sides;
    // Lines come from the top down.
    let (Some((top, _)), Some((bottom, _))) = (right.first(), right.last()) else {
        return false;
    };
    let beside = left.iter().filter(|(y, _)| y <= top && y >= bottom).count();
    beside.min(right.len()) >= LEAST_BESIDE && sides.iter().all(reads)
}

fn letters(segment: &Segment) -> usize {
    let letters = segment.text.chars().filter(|letter| letter.is_alphabetic());
    // One letter of Chinese, Japanese or Korean says as much as two or three.
    letters
        .map(|letter| if letter >= '\u{2e80}' { 2 } else { 1 })
        .sum()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// The letters of a text that begins at a place.
    pub(in super::super) fn written(text: &str, x: f64, y: f64, size: f64) -> Vec<Glyph> {
        let letters = text.chars().scan(x, |x, letter| {
            let start = *x;
            *x += size * 0.5;
            Some(Glyph {
                x: start,
                y,
                end: *x,
                size,
                text: letter.to_string(),
                turned: false,
            })
        });
        letters.collect()
    }

    fn texts(glyphs: Vec<Glyph>) -> Vec<String> {
        lines(glyphs).iter().map(Line::text).collect()
    }

    #[test]
    fn columns_are_read_one_after_the_other() {
        let mut glyphs = written(
            "A title that goes over both of the columns of this page",
            50.0,
            700.0,
            10.0,
        );
        for row in 0..8 {
            let y = 680.0 - 12.0 * f64::from(row);
            glyphs.extend(written(
                &format!("The left column has line {row}"),
                50.0,
                y,
                9.0,
            ));
            glyphs.extend(written(
                &format!("The right column has line {row}"),
                220.0,
                y - 1.0,
                9.0,
            ));
        }
        let got = texts(glyphs);
        assert_eq!(got.len(), 17);
        assert!(got[0].starts_with("A title") && got[8].ends_with("left column has line 7"));
        assert_eq!(got[9], "The right column has line 0");
    }

    #[test]
    fn columns_are_told_though_they_are_close_and_not_level() {
        let mut glyphs = vec![];
        for row in 0..8 {
            let y = 680.0 - 12.0 * f64::from(row);
            let text = format!("the text at the left, line {row}");
            glyphs.extend(written(&text, 50.0, y, 10.0));
            let text = format!("the text at the right, line {row}");
            glyphs.extend(written(&text, 202.0, y - 5.0, 10.0));
        }
        let got = texts(glyphs);
        assert!(got[7].contains("left, line 7") && got[8].contains("right, line 0"));
    }

    #[test]
    fn rows_of_a_table_stay_rows() {
        let mut glyphs = vec![];
        for row in 0..8 {
            let y = 680.0 - 12.0 * f64::from(row);
            glyphs.extend(written("Net sales of all the products", 50.0, y, 9.0));
            glyphs.extend(written("$ 1,234", 400.0, y, 9.0));
        }
        assert_eq!(texts(glyphs)[0], "Net sales of all the products $ 1,234");
    }

    #[test]
    fn ligatures_and_scripts_from_right_to_left_are_letters_in_order() {
        assert_eq!(
            texts(written("eﬃcient ﬂow", 0.0, 0.0, 10.0)),
            ["efficient flow"]
        );
        assert_eq!(texts(written("12 םולש", 0.0, 0.0, 10.0)), ["שלום 12"]);
    }
}
