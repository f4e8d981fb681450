//! Documents that are meant to break the reader, and good ones beside them.

use std::time::{Duration, Instant};

use api_service::{
    app::ports::DenseEmbedder,
    domain::{chunk::ChunkText, document::MediaType},
    pipeline::{
        chunking::chunk,
        parsing::{Parsed, parse},
    },
};

use crate::support::embedder::model;

/// A net, not a measurement: what is quadratic takes minutes.
const LONGEST: Duration = Duration::from_secs(30);

/// Parses and cuts, and checks what must hold of any document.
fn taken_in(name: &str, media_type: MediaType, source: &str) -> Vec<ChunkText> {
    let began = Instant::now();
    let parsed = parse(media_type, source);
    assert!(began.elapsed() < LONGEST, "{name}: {:?}", began.elapsed());
    parsed.map_or(vec![], |parsed| {
        assert_eq!(parsed.source, source, "{name}");
        cut(name, &parsed)
    })
}

/// Cuts, and checks what must hold of any document.
pub fn cut(name: &str, parsed: &Parsed) -> Vec<ChunkText> {
    let began = Instant::now();
    let model = model();
    let title = parsed.title.clone().unwrap_or_default();
    assert!(!title.contains('\0'), "{name}: a NUL in its title");
    assert!(parsed.is_sound(), "{name}: a place that is none");
    let count = |text: &str| model.count_tokens(text);
    let chunks = chunk(parsed, &title, model.max_tokens(), &count);
    assert!(!chunks.is_empty(), "{name}: text, but no chunks");
    for chunk in &chunks {
        let place = parsed.source.get(chunk.span.clone());
        assert!(place.is_some(), "{name}: {:?} is no place", chunk.span);
        assert!(!chunk.text.contains('\0'), "{name}: a NUL in a chunk");
        assert!(!chunk.text.trim().is_empty(), "{name}: an empty chunk");
    }
    assert!(began.elapsed() < LONGEST, "{name}: {:?}", began.elapsed());
    chunks
}

/// 200 kB of it.
fn repeated(unit: &str) -> String {
    unit.repeat(200_000 / unit.len())
}

#[test]
fn made_markdown_is_read_in_time_and_in_place() {
    let runs: String = (1..1_000).map(|length| "`".repeat(length) + "a").collect();
    let nested: String = (0..2_000)
        .map(|depth| " ".repeat(depth % 200) + "- a\n")
        .collect();
    for (name, source) in [
        ("brackets", repeated("[")),
        ("links", repeated("[a](")),
        ("images", repeated("![a](b")),
        ("emphasis", repeated("*a **b _c ")),
        ("quotes", repeated("> ")),
        ("deep quotes", repeated(">")),
        ("backticks", repeated("` a ")),
        ("runs of backticks", runs),
        ("open tags", repeated("<a ")),
        ("open attributes", repeated("<a b=\"")),
        ("open braces", repeated("<a {")),
        ("open comments", repeated("<!-- ")),
        ("open JSX comments", repeated("a {/* ")),
        ("fences", repeated("```\n")),
        (
            "growing fences",
            (3..900).map(|length| "`".repeat(length) + "\n").collect(),
        ),
        ("headings", repeated("# a\n")),
        ("deep headings", repeated("###### a\n\n")),
        ("nested lists", nested),
        ("tables", repeated("|a|b|\n|-|-|\n")),
        (
            "a wide table",
            format!("|{}\n|{}\n|a|\n", "a|".repeat(20_000), "-|".repeat(20_000)),
        ),
        ("entities", repeated("&amp;&#0;&#xfffffff;")),
        ("footnotes", repeated("[^a]: b\n[^a]\n")),
        ("references", repeated("[a]: b\n")),
        ("admonitions", repeated(":::note a\n")),
        ("NUL", repeated("a\0 b.\n\n")),
        ("one word", repeated("a")),
        ("one word of astral letters", repeated("𝒜")),
        ("combining marks", format!("a{}", repeated("\u{301}"))),
        ("zero-width joiners", repeated("👩\u{200d}")),
        ("right to left", repeated("\u{202e}שלום ")),
        ("carriage returns", repeated("a\r")),
        ("tabs", repeated("\ta")),
    ] {
        taken_in(name, MediaType::Markdown, &source);
        taken_in(name, MediaType::Mdx, &source);
        taken_in(name, MediaType::Plain, &source);
    }
}

#[test]
fn made_html_is_read_in_time_and_in_place() {
    for (name, source) in [
        ("open titles", format!("<title>{}", repeated("a <b> "))),
        ("open tags", repeated("<div>a")),
        ("closing tags", repeated("</div>a")),
        ("open attributes", repeated("<a b='")),
        ("many attributes", format!("<p {}>text", repeated("a=b "))),
        ("open comments", repeated("<!--a")),
        ("open scripts", repeated("<script>a")),
        ("tables", repeated("<table><tr><td>a")),
        ("lists", repeated("<ul><li>a")),
        ("headings", repeated("<h1>a")),
        ("entities", repeated("&amp;&#0;&#xfffffff;&notanentity")),
        ("NUL", repeated("<p>a\0b")),
        ("preformatted", format!("<pre>{}", repeated("a\n\n"))),
        ("CDATA", repeated("<![CDATA[a]]>")),
        ("text after broken tags", repeated("< a <1 <- é")),
    ] {
        taken_in(name, MediaType::Html, &source);
    }
}

#[test]
fn a_script_that_writes_a_script_does_not_swallow_the_page() {
    let source = "<p>Before the script.</p><script>document.write('<script><\\/script>');\
        if (a<b) { c = '<style>' }</script><style>p > a { content: '<style>' }</style>\
        <p>After the script.</p>";
    let text: Vec<String> = taken_in("a script", MediaType::Html, source)
        .into_iter()
        .map(|chunk| chunk.text)
        .collect();
    let text = text.join("\n");
    assert!(text.contains("Before the script."), "{text}");
    assert!(text.contains("After the script."), "{text}");
    assert!(!text.contains("write"), "{text}");
}

#[test]
fn a_title_is_no_longer_than_a_title() {
    let source = format!("<title>{}</title><p>Some text.", "long ".repeat(10_000));
    let title = parse(MediaType::Html, &source).unwrap().title.unwrap();
    assert!(title.len() <= 4_000, "{}", title.len());
    let nul = "---\ntitle: a\0b\n---\ntext";
    let title = parse(MediaType::Markdown, nul).unwrap().title;
    assert_eq!(title.as_deref(), Some("ab"));
    let nul = parse(MediaType::Html, "<title>a\0b</title><h1>c\0d</h1>text").unwrap();
    assert!(!nul.title.unwrap().contains('\0'));
}
