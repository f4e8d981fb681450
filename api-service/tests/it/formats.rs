//! Every format through the process that reads documents, and what becomes of
//! those that are broken, hostile or not what they say.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use api_service::{
    app::ports::{DocumentReader, ReadError},
    domain::document::MediaType,
    outbound::sandbox::Sandbox,
    pipeline::parsing::{BlockKind, ParseError, Parsed, settle},
};

use crate::{hostile::cut, support::remark};

/// A net, not a measurement: no file may take longer than this.
const LONGEST: Duration = Duration::from_secs(30);

fn sandbox() -> Sandbox {
    Sandbox::new(env!("CARGO_BIN_EXE_api-service").into(), 2).unwrap()
}

/// Reads a file as an upload of it is read; gives the code where it can't be.
async fn read(sandbox: &Sandbox, name: &str, content: Vec<u8>) -> Result<Parsed, &'static str> {
    let declared = MediaType::from_path(name);
    let format = settle(declared, &content).map_err(ParseError::code)?;
    match sandbox.read(format, content).await {
        Ok(parsed) => Ok(parsed),
        Err(ReadError::Document(error)) => Err(error.code()),
        Err(error) => panic!("{name}: {error:?}"),
    }
}

/// Where the files of the evaluation are, if they are here.
fn eval_files() -> PathBuf {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/eval/files");
    std::env::var_os("EVAL_FILES").map_or(beside, PathBuf::from)
}

fn given(folder: &str) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(eval_files().join(folder)) else {
        remark("no ../shared/eval/files here: the made documents alone are tried");
        return vec![];
    };
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap().to_str().unwrap().to_owned()
}

/// What good files must have in their text, and must not.
const GOOD: &[(&str, &[&str], &[&str])] = &[
    ("docx-footnotes.docx", &["Ouch", "A tachyon walks"], &[]),
    ("docx-equations.docx", &["mλ/a", "10^-6"], &[]),
    ("docx-header-footer.docx", &[], &["header", "footer"]),
    ("html-scripts.html", &[], &["function("]),
    (
        "txt-utf16-le-bom.txt",
        &["This is a test document"],
        &["\u{fffd}"],
    ),
    ("xlsx-sample.xlsx", &["Sheet1"], &[]),
    ("pdf-latex-4pages.pdf", &[], &["\u{fb01}", "\u{fb02}"]),
    ("pdf-arabic.pdf", &["حَبيبي"], &[]),
];

#[tokio::test]
async fn good_files_are_read() {
    let sandbox = sandbox();
    for path in given("good") {
        let name = name_of(&path);
        let began = Instant::now();
        let parsed = read(&sandbox, &name, fs::read(&path).unwrap()).await;
        let took = began.elapsed();
        let parsed = parsed.unwrap_or_else(|code| panic!("{name}: {code}"));
        if let Some(folder) = std::env::var_os("TEXTS_TO") {
            fs::write(Path::new(&folder).join(&name), dump(&parsed)).unwrap();
        }
        assert!(took < LONGEST, "{name}: {took:?}");
        let paged = name.starts_with("pdf") || name.starts_with("pptx");
        assert_eq!(!parsed.pages.is_empty(), paged, "{name}: pages");
        let chunks = cut(&name, &parsed);
        for chunk in &chunks {
            assert_eq!(chunk.page.is_some(), paged, "{name}: {chunk:?}");
            let first = chunk.text.lines().find(|line| !is_heading(&parsed, line));
            if let (Some(page), Some(first)) = (chunk.page, first) {
                assert!(on_page(&parsed, page).contains(first), "{name}: {chunk:?}");
            }
        }
        let text: Vec<&str> = chunks.iter().map(|chunk| chunk.text.as_str()).collect();
        let text = format!("{:?}\n{}", chunks[0].headings, text.join("\n"));
        for (file, has, lacks) in GOOD.iter().filter(|(file, _, _)| *file == name) {
            for part in *has {
                assert!(text.contains(part), "{file} lacks {part}: {text}");
            }
            for part in *lacks {
                assert!(!text.contains(part), "{file} has {part}: {text}");
            }
        }
    }
}

/// Whether a line may stand before a text that begins on a later page.
fn is_heading(parsed: &Parsed, line: &str) -> bool {
    let mut blocks = parsed.blocks.iter();
    blocks.any(|block| matches!(block.kind, BlockKind::Heading(_)) && block.text == line)
}

/// The text of a page.
fn on_page(parsed: &Parsed, page: u32) -> &str {
    let page = usize::try_from(page).unwrap();
    let end = parsed.pages.get(page).copied();
    &parsed.source[parsed.pages[page - 1]..end.unwrap_or(parsed.source.len())]
}

fn dump(parsed: &Parsed) -> String {
    use std::fmt::Write;
    let mut out = format!("title {:?}\n", parsed.title);
    for block in &parsed.blocks {
        let page = parsed.page_of(block.span.start);
        writeln!(out, "[{:?} {:?}] {}", block.kind, page, block.text).unwrap();
    }
    out
}

/// How many of a text's words another one has, in thousandths.
fn shared_words(text: &str, other: &str) -> usize {
    let words = |text: &str| text.split_whitespace().map(str::to_owned).collect();
    let (words, mut left): (Vec<String>, Vec<String>) = (words(text), words(other));
    left.sort();
    let found = words.iter().filter(|word| {
        let place = left.binary_search(word);
        place.map(|place| left.remove(place)).is_ok()
    });
    found.count() * 1_000 / words.len().max(1)
}

#[tokio::test]
async fn filings_have_the_words_of_their_pages() {
    let sandbox = sandbox();
    let Ok(corpus) = fs::read_to_string(eval_files().join("../sec10q/corpus.jsonl")) else {
        return remark("no filings beside the evaluation's files");
    };
    for line in corpus.lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        let name = format!("{}.pdf", line["_id"].as_str().unwrap());
        let path = eval_files().join("../sec10q/documents").join(&name);
        let began = Instant::now();
        let parsed = read(&sandbox, &name, fs::read(path).unwrap())
            .await
            .unwrap();
        let took = began.elapsed();
        assert!(took < LONGEST, "{name}: {took:?}");
        let expected: Vec<&str> = line["text"].as_str().unwrap().split('\u{c}').collect();
        let all: Vec<usize> = (parsed.pages.iter().enumerate())
            .map(|(page, begin)| {
                let text = on_page(&parsed, parsed.page_of(*begin).unwrap());
                shared_words(expected.get(page).unwrap_or(&""), text)
            })
            .collect();
        let mean = all.iter().sum::<usize>() / all.len();
        if std::env::var_os("TEXTS_TO").is_some() {
            remark(&format!(
                "{name}: {mean} of 1000 words, {} pages, {took:?}",
                all.len()
            ));
        }
        assert!(mean > 930, "{name}: {all:?}");
    }
}

/// What becomes of hostile files; of the others it only matters that they end.
const HOSTILE: &[(&str, &str)] = &[
    ("enc-docx.docx", "encrypted_document"),
    ("enc-pdf-user-password.pdf", "encrypted_document"),
    ("enc-xlsx.xlsx", "encrypted_document"),
    ("enc-zip.zip", "unsupported_format"),
    ("made-bomb-100MiB.docx", "too_complex"),
    ("made-docx-as-txt.txt", "format_mismatch"),
    ("made-html-as-docx.docx", "format_mismatch"),
    ("made-pdf-as-md.md", "format_mismatch"),
    ("made-xxe-file.docx", "empty_document"),
    // A form whose button alone has a text, and whose script is not run.
    ("pdf-js-authors.pdf", "empty_document"),
    ("whitespace-only.txt", "empty_document"),
];

/// Those that are read, however strange they are.
const READ_ALL_THE_SAME: &[&str] = &[
    "made-md-prompt-injection.md",
    "made-md-unclosed-fence.md",
    "made-md-headings-only.md",
    "made-txt-nul-bytes.txt",
    "made-txt-no-blank-cjk.txt",
    "corrupt-html-rfc822.html",
    "xlsx-inflated.xlsx",
];

#[tokio::test]
async fn hostile_files_end_in_time_with_the_right_code() {
    let sandbox = sandbox();
    for path in given("hostile") {
        let name = name_of(&path);
        let began = Instant::now();
        let outcome = read(&sandbox, &name, fs::read(&path).unwrap()).await;
        let took = began.elapsed();
        assert!(took < LONGEST, "{name}: {took:?}");
        let code = outcome.as_ref().map_or_else(|code| *code, |_| "");
        if std::env::var_os("TEXTS_TO").is_some() {
            remark(&format!("{name}: {code:?} in {took:?}"));
        }
        if let Some((_, expected)) = HOSTILE.iter().find(|(file, _)| *file == name) {
            assert_eq!(code, *expected, "{name}");
        }
        assert!(
            !READ_ALL_THE_SAME.contains(&name.as_str()) || outcome.is_ok(),
            "{name}: {code}"
        );
        if let Ok(parsed) = outcome {
            assert!(!parsed.source.contains("root:x:0"), "{name} read a file");
            cut(&name, &parsed);
        }
    }
}

#[tokio::test]
async fn a_child_that_dies_or_hangs_is_an_error_of_the_document() {
    let program = |script: &str| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("child");
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        fs::set_permissions(&path, mode).unwrap();
        (folder, path)
    };
    for (script, expected) in [
        ("kill -ABRT $$", "too_complex"),
        ("kill -SEGV $$", "too_complex"),
        ("kill -XCPU $$", "timed_out"),
        ("exit 3", "unreadable_document"),
        (
            "[ -z \"$HOME$USER$DATABASE_URL\" ] || exit 3; kill -ABRT $$",
            "too_complex",
        ),
        ("sleep 60", "timed_out"),
    ] {
        let (_folder, path) = program(script);
        let sandbox = Sandbox::new(path, 1)
            .unwrap()
            .within(Duration::from_millis(500));
        let outcome = read(&sandbox, "a.txt", b"text".to_vec()).await;
        assert_eq!(outcome, Err(expected), "{script}");
    }
}

#[tokio::test]
async fn readers_serve_many_callers_and_outlive_what_they_refuse() {
    let sandbox = Arc::new(sandbox());
    let each = (0..20).map(|number| {
        let sandbox = sandbox.clone();
        async move {
            let text = format!("{{\"number\":{number}}}");
            let broken = read(&sandbox, "a.json", b"{".to_vec()).await;
            assert_eq!(broken, Err("unreadable_document"));
            let parsed = read(&sandbox, "a.json", text.into_bytes()).await.unwrap();
            assert_eq!(parsed.blocks[0].text, format!("number: {number}"));
        }
    });
    futures::future::join_all(each).await;
}
