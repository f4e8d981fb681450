//! JSON, JSON lines and notebooks.

use serde_json::Value;

use super::{BlockKind, ParseError, Parsed, kept::Kept, markdown, mdx, one_line};

/// Parses JSON: a line a value, with the path to it; a block for each element
/// of the outermost array or object.
pub(super) fn parse(text: &str) -> Result<Parsed, ParseError> {
    let value = read(text)?;
    let mut kept = Kept::default();
    match &value {
        Value::Array(elements) => {
            for element in elements {
                push_value(&mut kept, "", element)?;
            }
        }
        Value::Object(fields) => {
            for (name, field) in fields {
                push_value(&mut kept, name, field)?;
            }
        }
        value => push_value(&mut kept, "", value)?,
    }
    Ok(kept.finish())
}

/// Parses JSON lines: a block for each.
pub(super) fn parse_lines(text: &str) -> Result<Parsed, ParseError> {
    let mut kept = Kept::default();
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        push_value(&mut kept, "", &read(line)?)?;
    }
    Ok(kept.finish())
}

fn read(text: &str) -> Result<Value, ParseError> {
    let text = text.trim_start_matches('\u{feff}');
    serde_json::from_str(text).map_err(|_| ParseError::Unreadable)
}

fn push_value(kept: &mut Kept, path: &str, value: &Value) -> Result<(), ParseError> {
    let mut lines = String::new();
    flatten(path, value, &mut lines)?;
    kept.push(BlockKind::Whole, &lines)
}

/// Writes `path: value` for each value that is not made of others. The parser
/// bounds how deep this goes.
fn flatten(path: &str, value: &Value, lines: &mut String) -> Result<(), ParseError> {
    // Long names, many times nested, multiply.
    if lines.len() > super::kept::MOST_TEXT {
        return Err(ParseError::TooComplex);
    }
    let below = |name: &str| match path {
        "" => name.to_owned(),
        path => format!("{path}.{name}"),
    };
    let text = match value {
        Value::Null => return Ok(()),
        Value::Array(elements) if elements.iter().all(is_single) => {
            let elements = elements.iter().map(single);
            elements.collect::<Vec<_>>().join(", ")
        }
        Value::Array(elements) => {
            for element in elements {
                flatten(path, element, lines)?;
            }
            return Ok(());
        }
        Value::Object(fields) => {
            for (name, field) in fields {
                flatten(&below(name), field, lines)?;
            }
            return Ok(());
        }
        value => single(value),
    };
    if !text.trim().is_empty() {
        if !path.is_empty() {
            lines.push_str(path);
            lines.push_str(": ");
        }
        lines.push_str(text.trim());
        lines.push('\n');
    }
    Ok(())
}

const fn is_single(value: &Value) -> bool {
    !matches!(value, Value::Array(_) | Value::Object(_))
}

fn single(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        value => value.to_string(),
    }
}

/// Parses a notebook (nbformat 3 and 4): its Markdown as such, its code whole,
/// and the text that the code gave out.
pub(super) fn parse_notebook(text: &str) -> Result<Parsed, ParseError> {
    let notebook = read(text)?;
    let sheets = notebook["worksheets"].as_array();
    let sheets = sheets.into_iter().flatten().map(|sheet| &sheet["cells"]);
    let cells = std::iter::once(&notebook["cells"]).chain(sheets);
    let cells: Vec<&Value> = cells.filter_map(Value::as_array).flatten().collect();
    if cells.is_empty() && notebook["nbformat"].is_null() {
        return Err(ParseError::Unreadable);
    }
    let mut kept = Kept::titled(notebook["metadata"]["title"].as_str().map(one_line));
    for cell in cells {
        let source = match &cell["source"] {
            Value::Null => joined(&cell["input"]),
            source => joined(source),
        };
        match cell["cell_type"].as_str() {
            Some("code") => {
                kept.push(BlockKind::Whole, &source)?;
                for output in cell["outputs"].as_array().into_iter().flatten() {
                    let text = match &output["text"] {
                        Value::Null => joined(&output["data"]["text/plain"]),
                        text => joined(text),
                    };
                    kept.push(BlockKind::Whole, &text)?;
                }
            }
            Some("markdown") => kept.append(markdown::parse(&source, &mdx::blank_tags(&source)))?,
            Some("heading") => kept.push(BlockKind::Heading(1), &one_line(&source))?,
            _ => kept.push(BlockKind::Prose, &source)?,
        }
    }
    Ok(kept.finish())
}

/// A text, or the lines of one.
fn joined(value: &Value) -> String {
    match value {
        Value::Array(lines) => lines.iter().filter_map(Value::as_str).collect(),
        value => value.as_str().unwrap_or_default().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(parsed: &Parsed) -> Vec<&str> {
        let blocks = parsed.blocks.iter();
        blocks.map(|block| block.text.as_str()).collect()
    }

    #[test]
    fn values_are_found_by_their_path() {
        let parsed = parse(r#"[{"a":{"b":"one","c":[1,2]},"d":null},{"e":[{"f":true}]}]"#);
        assert_eq!(
            texts(&parsed.unwrap()),
            ["a.b: one\na.c: 1, 2", "e.f: true"]
        );
        let lines = parse_lines("{\"a\":1}\n\n\"two\"\n").unwrap();
        assert_eq!(texts(&lines), ["a: 1", "two"]);
        assert_eq!(parse("{"), Err(ParseError::Unreadable));
        assert_eq!(parse(&"[".repeat(100_000)), Err(ParseError::Unreadable));
    }

    #[test]
    fn notebooks_are_their_cells() {
        let notebook = r##"{"nbformat":4,"cells":[
            {"cell_type":"markdown","source":["# Head\n","\n","Text."]},
            {"cell_type":"code","source":"print(1)","outputs":[{"text":["1\n"]},
                {"data":{"text/plain":"x","image/png":"iVBOR"}}]}]}"##;
        let parsed = parse_notebook(notebook).unwrap();
        assert_eq!(texts(&parsed), ["Head", "Text.", "print(1)", "1", "x"]);
        assert_eq!(parsed.blocks[0].kind, BlockKind::Heading(1));
        assert_eq!(parse_notebook("{}"), Err(ParseError::Unreadable));
    }
}
