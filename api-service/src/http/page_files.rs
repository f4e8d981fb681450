//! The files of the page, which are part of the program.

use std::{io::Write, sync::LazyLock};

use flate2::{Compression, write::GzEncoder};
use sha2::{Digest, Sha256};

/// What stands in the page for [`VERSION`].
const PLACE_OF_VERSION: &str = "{{version}}";

/// The media type of the page itself.
pub(super) const HTML: &str = "text/html; charset=utf-8";

macro_rules! files {
    ($($path:literal),* $(,)?) => {
        &[$(($path, include_str!(concat!("../../web/", $path)))),*]
    };
}

/// Every file below `web/`, by its path there.
const SOURCES: &[(&str, &str)] = files![
    "chat/answer.js",
    "chat/client.js",
    "chat/composer.js",
    "chat/dom.js",
    "chat/markdown.js",
    "chat/message.js",
    "chat/thread.js",
    "icon.svg",
    "index.html",
    "page/admin/accounts.js",
    "page/admin/knowledge.js",
    "page/document-view.js",
    "page/jobs.js",
    "page/main.js",
    "page/screens/account.js",
    "page/screens/admin.js",
    "page/screens/chat.js",
    "page/screens/documents.js",
    "page/screens/knowledge-bases.js",
    "page/screens/sign-in.js",
    "page/screens/widget-keys.js",
    "page/session.js",
    "page/shell.js",
    "page/ui.js",
    "page/uploads.js",
    "style/base.css",
    "style/page.css",
    "vendor/dompurify-3.4.18.js",
    "vendor/streaming-markdown-0.2.15.js",
    "widget/embed.html",
    "widget/embed.js",
    "widget/lectern-chat.js",
    "widget/widget.css",
    "widget/widget.js",
];

/// A file as it is sent.
pub(super) struct File {
    path: &'static str,
    pub(super) media_type: &'static str,
    pub(super) bytes: Vec<u8>,
    /// The same, compressed by gzip.
    pub(super) packed: Vec<u8>,
    /// What tells it from what it was before, in quotation marks.
    pub(super) etag: String,
}

/// What tells these files from those of another build.
pub(super) static VERSION: LazyLock<String> = LazyLock::new(|| {
    let mut digest = Sha256::new();
    for (path, text) in SOURCES {
        digest.update(path);
        digest.update(text);
    }
    start_of(digest)
});

static FILES: LazyLock<Vec<File>> = LazyLock::new(|| {
    let files = SOURCES.iter().map(|(path, text)| File::new(path, text));
    files.collect()
});

/// The file with this path below `web/`.
pub(super) fn file(path: &str) -> Option<&'static File> {
    FILES.iter().find(|file| file.path == path)
}

impl File {
    fn new(path: &'static str, text: &'static str) -> Self {
        let text = text.replace(PLACE_OF_VERSION, &VERSION);
        let media_type = match path.rsplit('.').next() {
            Some("html") => HTML,
            Some("js") => "text/javascript; charset=utf-8",
            Some("css") => "text/css; charset=utf-8",
            Some("svg") => "image/svg+xml",
            _ => "text/plain; charset=utf-8",
        };
        let bytes = if path.starts_with("vendor/") {
            text
        } else if media_type.starts_with("text/css") {
            tight(&plain(&text))
        } else {
            plain(&text)
        };
        let bytes = bytes.into_bytes();
        Self {
            path,
            media_type,
            packed: packed(&bytes),
            etag: format!("\"{}\"", start_of(Sha256::new().chain_update(&bytes))),
            bytes,
        }
    }
}

/// The same without indentation and without lines that are comments, which
/// nobody needs to be sent. So a text of ours in a script stays on one line.
fn plain(text: &str) -> String {
    let mut in_comment = false;
    let is_code = |line: &&str| {
        let begins = !in_comment && line.starts_with("/*");
        let skipped = in_comment || begins || line.starts_with("//");
        in_comment = (in_comment || begins) && !line.ends_with("*/");
        !skipped && !line.is_empty()
    };
    let lines: Vec<_> = text.lines().map(str::trim).filter(is_code).collect();
    lines.join("\n")
}

/// A style sheet without the spaces that no browser needs. No text in ours has
/// such signs in it.
fn tight(sheet: &str) -> String {
    let signs = [
        (": ", ":"),
        (", ", ","),
        (" {", "{"),
        ("{ ", "{"),
        ("; ", ";"),
    ];
    let tight = signs.iter().fold(sheet.to_owned(), |text, (wide, tight)| {
        text.replace(wide, tight)
    });
    tight.replace(" }", "}")
}

/// Compressed once, when the first file is asked for. Writing to memory does not
/// fail.
fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut packer = GzEncoder::new(vec![], Compression::best());
    let written = packer.write_all(bytes).and_then(|()| packer.finish());
    written.unwrap_or_default()
}

fn start_of(digest: Sha256) -> String {
    digest
        .finalize()
        .iter()
        .take(8)
        .fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs, path::Path};

    use super::*;

    fn below(folder: &Path, root: &Path, found: &mut BTreeSet<String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let notes = path.extension().is_some_and(|extension| extension == "md");
            if path.is_dir() {
                below(&path, root, found);
            } else if !notes {
                let path = path.strip_prefix(root).unwrap();
                found.insert(path.to_str().unwrap().to_owned());
            }
        }
    }

    #[test]
    fn every_file_is_served() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("web");
        let mut found = BTreeSet::new();
        below(&root, &root, &mut found);
        let served: BTreeSet<_> = SOURCES.iter().map(|(path, _)| (*path).to_owned()).collect();
        assert_eq!(served, found, "list the files of web/ here");
    }

    #[test]
    fn no_text_of_a_script_goes_over_lines() {
        let ours = SOURCES
            .iter()
            .filter(|(path, _)| !path.starts_with("vendor/"));
        for (path, text) in ours {
            for line in text.lines() {
                assert!(
                    line.matches('`').count() % 2 == 0 || line.trim_start().starts_with(['/', '*']),
                    "{path}: {line}"
                );
            }
        }
    }

    #[test]
    fn scripts_are_short_and_say_what_they_are() {
        let ours = SOURCES
            .iter()
            .filter(|(path, _)| !path.starts_with("vendor/"));
        for (path, text) in ours {
            let script = path.rsplit('.').next() == Some("js");
            let says = text.starts_with("// ");
            assert!(says || !script, "{path} does not say what it is");
            assert!(text.lines().count() <= 300, "{path} is long");
        }
    }

    #[test]
    fn what_is_sent_has_no_comments() {
        let text = "/* One\n * line */\n// and\n  a();\n\n  /** b */\n  b(); // stays\n";
        assert_eq!(plain(text), "a();\nb(); // stays");
    }

    #[test]
    fn scripts_and_styles_are_small_together() {
        let code = FILES.iter().filter(|file| file.media_type != HTML);
        let bytes: usize = code.map(|file| file.packed.len()).sum();
        assert!(bytes < 60_000, "{bytes} bytes, compressed file by file");
    }
}
