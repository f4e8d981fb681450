//! What streamed answers bear, on the machine it runs on: starts the built
//! program, with a stand-in for a language model in a process of its own, and
//! drives it over loopback. Figures are printed and never asserted.
//!
//! `make bench-streams EVAL_DIR=…`, where the folder has a `corpus.jsonl`, whose
//! text is asked about: `STREAMS` answers (200) of 60 tokens at 20 ms a token are
//! written at a time for 30 seconds; then `IDLE` answers (5,000) whose model says
//! nothing more are waited for, and their readers come a second time.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a bench prints, is told what to do by its environment, and ends where it can't go on"
)]

#[path = "streams/hosted.rs"]
mod hosted;
#[path = "streams/model.rs"]
mod model;
#[path = "streams/reading.rs"]
mod reading;
#[path = "streams/service.rs"]
mod service;

use std::{
    env, fs,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::task::JoinSet;

use model::Model;
use reading::Reading;
use service::{First, Service};

/// How long the load lasts.
const LASTS: Duration = Duration::from_secs(30);

/// How long the model takes for an answer, about.
const ANSWER: Duration = Duration::from_millis(1_250);

/// Documents of the knowledge base, and passages of each.
const DOCUMENTS: usize = 20;
const PASSAGES: usize = 10;

/// Words of a passage.
const WORDS: usize = 130;

/// Streams that are being opened at a time.
const OPENING: usize = 32;

/// Questions of a user: fewer than the conversations that are kept.
const PER_USER: usize = 25;

fn main() {
    // `cargo bench` and `cargo test --benches` pass options of their own.
    if env::args().any(|argument| argument == "--test") {
        return;
    }
    rlimit::increase_nofile_limit(u64::MAX).unwrap();
    // One thread for the model, and one for the readers: what they do not take is
    // the service's.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    if env::args().any(|argument| argument == model::ARGUMENT) {
        runtime.block_on(model::serve());
    } else if env::args().any(|argument| argument == hosted::ARGUMENT) {
        let folder = env::args().next_back().unwrap();
        runtime.block_on(hosted::serve(Path::new(&folder)));
    } else {
        runtime.block_on(run());
    }
}

fn number(variable: &str, default: usize) -> usize {
    env::var(variable).map_or(default, |text| text.parse().unwrap())
}

async fn run() {
    let folder = env::var("EVAL_DIR").expect("set EVAL_DIR to a folder with a corpus.jsonl");
    let data = env::var("DATA_DIR").unwrap_or_else(|_| "./data".to_owned());
    let models = Path::new(&data).join("models").canonicalize().unwrap();
    let cores = std::thread::available_parallelism().unwrap();
    println!("cores                          {cores}");
    let passages = passages(&Path::new(&folder).join("corpus.jsonl"));
    let model = Model::local();
    let home = service::home(&models, &passages);
    let questions: Arc<Vec<String>> =
        Arc::new(passages.iter().map(|text| question(text)).collect());

    let service = Arc::new(Service::start(home.path(), &model));
    println!(
        "resident, idle                 {:.1} MiB",
        service.resident()
    );
    let streams = number("STREAMS", 200);
    steady(&service, &questions, streams).await;
    at_once(&service, &questions, streams).await;
    drop(service);

    // Started anew, so that its memory is that of these streams.
    for (model, kind) in [
        (Model::hosted(), "hosted: HTTP/2, 100 a connection"),
        (model, "local: HTTP/1.1, each with a connection"),
    ] {
        println!("a model that is {kind}");
        let service = Arc::new(Service::start(home.path(), &model));
        idle(&service, number("IDLE", 5_000)).await;
    }
}

/// The text of the corpus in passages of so many words.
fn passages(corpus: &Path) -> Vec<String> {
    let corpus = fs::read_to_string(corpus).unwrap();
    let lines = corpus.lines().map(|line| {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        line["text"].as_str().unwrap().to_owned()
    });
    let text = lines.collect::<Vec<_>>().join(" ");
    let words: Vec<&str> = text.split_whitespace().collect();
    let passages = words.chunks(WORDS).take(DOCUMENTS * PASSAGES);
    passages.map(|words| words.join(" ")).collect()
}

fn question(passage: &str) -> String {
    let words: Vec<&str> = passage.split_whitespace().skip(20).take(9).collect();
    words.join(" ")
}

/// So many readers, each with a question after the other.
async fn steady(service: &Arc<Service>, questions: &Arc<Vec<String>>, streams: usize) {
    let (cpu, began) = (service.cpu(), Instant::now());
    let mut readers = JoinSet::new();
    for reader in 0..streams {
        let (service, questions) = (service.clone(), questions.clone());
        readers.spawn(async move {
            let share = u32::try_from(reader).unwrap();
            tokio::time::sleep(ANSWER * share / u32::try_from(streams).unwrap()).await;
            let mut seen = vec![];
            while began.elapsed() < LASTS {
                let number = reader * 7_919 + seen.len() * 31;
                // A question that was asked before would not be embedded again.
                let question = format!("{} {number}", questions[number % questions.len()]);
                seen.push(service.ask(reader, &question).await);
            }
            seen
        });
    }
    let half = tokio::time::sleep(LASTS / 2);
    half.await;
    let resident = service.resident();
    let seen: Vec<Seen> = readers.join_all().await.into_iter().flatten().collect();
    let (took, cpu) = (began.elapsed(), service.cpu() - cpu);
    println!("{streams} streams at a time, for {} s", LASTS.as_secs());
    println!(
        "  answers a second             {:.0}",
        rate(seen.len(), took)
    );
    println!("  resident                     {resident:.1} MiB");
    println!(
        "  processor time an answer     {:.1} ms",
        cpu * 1e3 / rate(seen.len(), Duration::from_secs(1))
    );
    report(seen);
}

/// So many readers who ask in one moment.
async fn at_once(service: &Arc<Service>, questions: &Arc<Vec<String>>, streams: usize) {
    let mut readers = JoinSet::new();
    for reader in 0..streams {
        let (service, questions) = (service.clone(), questions.clone());
        readers.spawn(async move {
            let question = &questions[reader * 7_919 % questions.len()];
            service.ask(reader, question).await
        });
    }
    println!("{streams} questions in one moment");
    report(readers.join_all().await);
}

/// How long the first word took, or why it did not come.
type Seen = Result<First, String>;

/// What was added to the time that the model took until its first word, answer by
/// answer: it shares the cores with the service, and is late itself where they are
/// full.
fn report(seen: Vec<Seen>) {
    let (first, errors): (Vec<_>, Vec<_>) = seen.into_iter().partition(Result::is_ok);
    println!("  errors                       {}", errors.len());
    if let Some(Err(error)) = errors.first() {
        println!("    {error}");
    }
    let first: Vec<First> = first.into_iter().flatten().collect();
    let shares = |what: fn(&First) -> Duration| {
        let mut all: Vec<Duration> = first.iter().map(what).collect();
        all.sort_unstable();
        [50, 99, 100].map(|share| {
            let at = (all.len() * share / 100).min(all.len() - 1);
            all[at].as_secs_f64() * 1e3
        })
    };
    let [p50, p99, most] = shares(|first| first.model);
    println!(
        "  the model's first token      p50 {p50:.1} ms, p99 {p99:.1} ms, at most {most:.1} ms"
    );
    let [p50, p99, most] = shares(|first| first.first.saturating_sub(first.model));
    println!(
        "  added to that                p50 {p50:.1} ms, p99 {p99:.1} ms, at most {most:.1} ms"
    );
}

#[expect(clippy::cast_precision_loss, reason = "a number of answers")]
fn rate(count: usize, took: Duration) -> f64 {
    count as f64 / took.as_secs_f64()
}

/// Answers that wait for their model, and readers who come back to them.
async fn idle(service: &Arc<Service>, count: usize) {
    // What only the first answers cost does not count.
    let warm = opened(service, 100, |service, number| async move {
        service
            .open(1_000_000 + number / PER_USER, model::STALLS)
            .await
    });
    let warm = warm.await;
    let before = settled(service).await;
    let open = opened(service, count, |service, number| async move {
        service
            .open(2_000_000 + number / PER_USER, model::STALLS)
            .await
    });
    let mut open = open.await;
    let asked = settled(service).await;
    println!("{count} answers whose model is silent");
    println!("  resident                     {before:.1} MiB before, {asked:.1} MiB with them");
    println!(
        "  a stream                     {:.1} KiB",
        each(before, asked, count)
    );
    let messages: Arc<Vec<String>> = Arc::new(open.iter_mut().map(Reading::message).collect());
    let back = opened(service, count, |service, number| {
        let messages = messages.clone();
        async move {
            let user = 2_000_000 + number / PER_USER;
            service.resume(user, &messages[number]).await
        }
    });
    let back = back.await;
    let resumed = settled(service).await;
    println!("{count} readers who came back to them");
    println!("  resident                     {resumed:.1} MiB");
    println!(
        "  a stream                     {:.1} KiB",
        each(asked, resumed, count)
    );
    let begun = service.cpu();
    tokio::time::sleep(Duration::from_secs(10)).await;
    let busy = (service.cpu() - begun) * 10.0;
    println!("  processor, with them all     {busy:.0} % of a core");
    drop((warm, open, back));
}

/// Opens so many streams, some at a time; those that could be.
async fn opened<F>(
    service: &Arc<Service>,
    count: usize,
    open: impl Fn(Arc<Service>, usize) -> F,
) -> Vec<Reading>
where
    F: Future<Output = Result<Reading, String>>,
{
    use futures::{StreamExt, stream};
    let opening = stream::iter(0..count).map(|number| open(service.clone(), number));
    let opened: Vec<_> = opening.buffered(OPENING).collect().await;
    let errors: Vec<_> = opened.iter().filter_map(|one| one.as_ref().err()).collect();
    if let Some(error) = errors.first() {
        println!("  errors                       {}: {error}", errors.len());
    }
    opened.into_iter().flatten().collect()
}

/// The memory once what was told is recorded.
async fn settled(service: &Service) -> f64 {
    tokio::time::sleep(Duration::from_secs(12)).await;
    service.resident()
}

#[expect(clippy::cast_precision_loss, reason = "a number of streams")]
fn each(before: f64, after: f64, count: usize) -> f64 {
    (after - before) * 1024.0 / count as f64
}
