//! What ingestion and search bear, on the machine it runs on. Figures are
//! printed and never asserted.
//!
//! `make bench-knowledge EVAL_DIR=…`, where the folder has a `corpus.jsonl`, whose
//! text is taken: `PASSAGES` passages (2,000) are ingested with the local model,
//! then `CHUNKS` chunks (100,000), whose vectors are made up, so that it ends
//! today, into the index in the process; and that is searched.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a bench prints, is told what to do by its environment, and ends where it can't go on"
)]

use std::{
    env, fs,
    hash::{DefaultHasher, Hash, Hasher},
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use api_service::{
    app::{
        App,
        ingest_directory::SourceFile,
        ports::{DenseEmbedder, EmbeddingError},
        search::{Search, Within},
        vector_spaces::{VectorSpace, VectorSpaces},
    },
    config::{Config, VARIABLES},
    domain::{embedding_model::ModelOrigin, principal::Principal},
    outbound::{embedding::minilm::MiniLm, sandbox::Sandbox},
    startup,
};
use async_trait::async_trait;
use service_kit::environment::Environment;

/// Tokens of a passage; with its context line and what the model adds, 180.
const TOKENS: usize = 172;

/// Passages of a document.
const PER_DOCUMENT: usize = 50;

/// Searches that are timed.
const SEARCHES: usize = 1_000;

fn main() {
    // `cargo bench` and `cargo test --benches` pass options of their own.
    if env::args().any(|argument| argument == "--test") {
        return;
    }
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(run());
}

fn number(variable: &str, default: usize) -> usize {
    env::var(variable).map_or(default, |text| text.parse().unwrap())
}

async fn run() {
    let folder = env::var("EVAL_DIR").expect("set EVAL_DIR to a folder with a corpus.jsonl");
    let data = env::var("DATA_DIR").unwrap_or_else(|_| "./data".to_owned());
    let models = Path::new(&data).join("models").canonicalize().unwrap();
    let threads = std::thread::available_parallelism().unwrap().get();
    let passages = passages(&Path::new(&folder).join("corpus.jsonl"), &models);
    println!("cores                          {threads}");
    // First, so that its memory is a service's own.
    index(&models, &passages, number("CHUNKS", 100_000)).await;
    let count = number("PASSAGES", 2_000).min(passages.len());
    ingestion(&models, &passages[..count]).await;
}

/// The text of the corpus in passages of so many tokens.
fn passages(corpus: &Path, models: &Path) -> Vec<String> {
    let model = MiniLm::load(models, 1).unwrap();
    let corpus = fs::read_to_string(corpus).unwrap();
    let texts = corpus.lines().map(|line| {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        line["text"].as_str().unwrap().to_owned()
    });
    let mut passages = vec![];
    let (mut open, mut tokens) = (String::new(), 0);
    for word in texts.collect::<Vec<_>>().join(" ").split_whitespace() {
        tokens += model.count_tokens(word);
        open.push_str(word);
        open.push(' ');
        if tokens >= TOKENS {
            passages.push(std::mem::take(&mut open));
            tokens = 0;
        }
    }
    passages
}

/// A service of its own in a new folder, with this model.
async fn service(
    models: &Path,
    around: impl FnOnce(Arc<dyn DenseEmbedder>) -> Arc<dyn DenseEmbedder>,
) -> (tempfile::TempDir, Arc<App>) {
    let folder = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(models, folder.path().join("models")).unwrap();
    let data = (
        "DATA_DIR".to_owned(),
        folder.path().to_str().unwrap().to_owned(),
    );
    let config = Config::from_environment(&Environment::new([data], &VARIABLES)).unwrap();
    let parts = startup::parts(&config).await.unwrap();
    let opened = startup::spaces(&config, &parts).await.unwrap().unwrap();
    let active = opened.spaces.active();
    let (dense, index) = (around(active.dense.clone()), active.index.clone());
    let app = App {
        spaces: VectorSpaces::new(VectorSpace { dense, index }, None),
        // What reads documents is this program otherwise, which is the bench.
        reader: Arc::new(Sandbox::new(env!("CARGO_BIN_EXE_api-service").into(), 2).unwrap()),
        ..startup::app(&config, &parts, Some(opened.spaces))
    };
    (folder, Arc::new(app))
}

/// Takes passages in, a section each, and gives how many chunks they became.
async fn ingest(app: &App, base: &str, passages: &[String]) -> u64 {
    let documents = passages.chunks(PER_DOCUMENT).enumerate();
    let mut files = documents.map(|(number, passages)| {
        let sections = passages.iter().enumerate();
        let sections = sections.map(|(at, text)| format!("# Part {at}\n\n{text}\n\n"));
        SourceFile {
            path: format!("{number}.md"),
            content: sections.collect::<String>().into_bytes(),
        }
    });
    let operator = Principal::operator();
    app.ingest_directory(&operator, base, &mut files)
        .await
        .unwrap();
    while app.work_once("bench").await.unwrap() > 0 {}
    app.embedding_models().await.unwrap().1
}

async fn ingestion(models: &Path, passages: &[String]) {
    let (_folder, app) = service(models, |dense| dense).await;
    let model = app.spaces.active().dense.clone();
    let began = Instant::now();
    let chunks = ingest(&app, "bench", passages).await;
    let ingested = rate(chunks, began.elapsed());
    // The model alone, on what it was given.
    let texts: Vec<String> = passages
        .iter()
        .map(|text| format!("0 › Part 0\n{text}"))
        .collect();
    let began = Instant::now();
    for batch in texts.chunks(512) {
        model.embed_passages(batch.to_vec()).await.unwrap();
    }
    let alone = rate(texts.len() as u64, began.elapsed());
    println!("passages of 180 tokens         {chunks}");
    println!("ingested                       {ingested:.1}/s");
    println!("by the model alone             {alone:.1}/s");
    println!("share of time in the model     {:.2}", ingested / alone);
}

#[expect(clippy::cast_precision_loss, reason = "a number of passages")]
fn rate(count: u64, took: Duration) -> f64 {
    count as f64 / took.as_secs_f64()
}

async fn index(models: &Path, passages: &[String], chunks: usize) {
    let (_folder, app) = service(models, |dense| Arc::new(MadeUp(dense))).await;
    let model = app.spaces.active().dense.clone();
    let began = Instant::now();
    let (mut count, mut round) = (0, 0);
    let bases = 10;
    while count < chunks as u64 {
        let wanted = (chunks / bases).min(chunks - usize::try_from(count).unwrap());
        let shifted = passages.iter().cycle().skip(round * 13).take(wanted);
        let renamed: Vec<String> = shifted.map(|text| format!("{text} {round}")).collect();
        count = ingest(&app, &format!("base {round}"), &renamed).await;
        round += 1;
    }
    println!("chunks in the index            {count}, in {round} knowledge bases");
    println!(
        "written, without the model     {:.0}/s",
        rate(count, began.elapsed())
    );
    println!("resident                       {:.0} MiB", resident());
    let began = Instant::now();
    for passage in passages.iter().take(100) {
        let words: Vec<&str> = passage.split_whitespace().take(9).collect();
        model.embed_question(words.join(" ")).await.unwrap();
    }
    println!(
        "question embedded in           {:.1} ms",
        began.elapsed().as_secs_f64() * 10.0
    );
    for (label, base) in [
        ("all knowledge bases", None),
        ("one knowledge base", Some("base 1")),
    ] {
        let mut times = Vec::with_capacity(SEARCHES);
        for number in 0..SEARCHES {
            let passage = &passages[(number * 7_919) % passages.len()];
            let words: Vec<&str> = passage
                .split_whitespace()
                .skip(number % 40)
                .take(9)
                .collect();
            let search = Search {
                query: words.join(" "),
                limit: 10,
                within: Within {
                    bases: base.into_iter().map(str::to_owned).collect(),
                    ..Within::default()
                },
            };
            let began = Instant::now();
            let found = app.search(&Principal::operator(), &search).await.unwrap();
            times.push(began.elapsed());
            assert!(!found.is_empty());
        }
        times.sort_unstable();
        let at = |share: usize| times[times.len() * share / 100].as_secs_f64() * 1_000.0;
        println!(
            "search, {label:<22} p50 {:.1} ms, p99 {:.1} ms",
            at(50),
            at(99)
        );
    }
    println!("resident after that            {:.0} MiB", resident());
}

/// The memory of this process, in MiB.
fn resident() -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .unwrap();
    let kib: f64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kib / 1024.0
}

/// The local model for questions; for passages, vectors that follow from the
/// text and mean nothing.
struct MadeUp(Arc<dyn DenseEmbedder>);

#[async_trait]
impl DenseEmbedder for MadeUp {
    fn fingerprint(&self) -> &str {
        self.0.fingerprint()
    }

    fn origin(&self) -> ModelOrigin {
        self.0.origin()
    }

    fn dimensions(&self) -> usize {
        self.0.dimensions()
    }

    fn max_tokens(&self) -> usize {
        self.0.max_tokens()
    }

    fn count_tokens(&self, text: &str) -> usize {
        self.0.count_tokens(text)
    }

    async fn embed_passages(&self, texts: Vec<String>) -> Result<Vec<Vec<f32>>, EmbeddingError> {
        let vectors = texts.iter().map(|text| {
            let mut hasher = DefaultHasher::new();
            text.hash(&mut hasher);
            let mut state = hasher.finish() | 1;
            let values = (0..self.dimensions()).map(|_| {
                // xorshift64 (Marsaglia 2003).
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                #[expect(clippy::cast_precision_loss, reason = "24 bits fit")]
                let value = (state >> 40) as f32 / 8_388_608.0 - 1.0;
                value
            });
            values.collect()
        });
        Ok(vectors.collect())
    }

    async fn embed_question(&self, text: String) -> Result<Vec<f32>, EmbeddingError> {
        self.0.embed_question(text).await
    }

    async fn embed_sentences(&self, texts: Vec<String>) -> Result<Vec<Vec<f32>>, EmbeddingError> {
        self.0.embed_sentences(texts).await
    }
}
