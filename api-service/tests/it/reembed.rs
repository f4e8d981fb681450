//! The change from one embedding model to another, by the parts that a start
//! puts together.

use std::sync::Arc;

use api_service::{
    app::{
        App,
        ingest_directory::SourceFile,
        reembed::Reembedding,
        search::{Search, Within},
    },
    config::{Config, VARIABLES},
    domain::{embedding_model::ModelState, principal::Principal},
    outbound::sandbox::Sandbox,
    startup,
};
use service_kit::environment::Environment;

use crate::support::{TestHome, embedder::models_folder, embedding_provider::EmbeddingProvider};

const DOG: &str = "The dog barks at the postman.";
const BRIDGE: &str = "The bridge carries trains over the river.";

struct Bench {
    home: TestHome,
    provider: EmbeddingProvider,
}

impl Bench {
    async fn new(home: TestHome) -> Self {
        let models = home.folder.path().join("models");
        std::os::unix::fs::symlink(models_folder(), models).unwrap();
        let provider = EmbeddingProvider::start().await;
        Self { home, provider }
    }

    async fn both() -> [Self; 2] {
        [
            Self::new(TestHome::sqlite()).await,
            Self::new(TestHome::postgres().await).await,
        ]
    }

    /// A process with the local model, or with the provider's.
    async fn start(&self, is_remote: bool, with_key: bool) -> Arc<App> {
        let mut values = vec![
            (
                "DATA_DIR",
                self.home.folder.path().to_str().unwrap().to_owned(),
            ),
            ("EMBEDDING_THREADS", "2".to_owned()),
        ];
        if self.home.is_postgres() {
            values.push(("DATABASE_URL", self.home.server_url()));
        }
        if is_remote {
            values.push(("EMBEDDING_PROVIDER", "openai".to_owned()));
            values.push(("EMBEDDING_BASE_URL", self.provider.url("/v1")));
        }
        if with_key {
            values.push(("OPENAI_API_KEY", "sk-test".to_owned()));
        }
        let values = values
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value));
        let environment = Environment::new(values.collect::<Vec<_>>(), &VARIABLES);
        let config = Config::from_environment(&environment).unwrap();
        let parts = startup::parts(&config).await.unwrap();
        let opened = startup::spaces(&config, &parts).await.unwrap().unwrap();
        let app = App {
            // What reads documents is this program otherwise, which is the test.
            reader: Arc::new(Sandbox::new(env!("CARGO_BIN_EXE_api-service").into(), 2).unwrap()),
            ..startup::app(&config, &parts, Some(opened.spaces))
        };
        app.recover(opened.alone).await.unwrap();
        Arc::new(app)
    }
}

async fn ingest(app: &App, files: &[(&str, &str)]) {
    let mut files = files.iter().map(|(path, content)| SourceFile {
        path: (*path).to_owned(),
        content: content.as_bytes().to_vec(),
    });
    let operator = Principal::operator();
    app.ingest_directory(&operator, "book", &mut files)
        .await
        .unwrap();
    while app.work_once("worker").await.unwrap() > 0 {}
}

async fn first(app: &App, query: &str) -> String {
    let search = Search {
        query: query.to_owned(),
        limit: 1,
        within: Within::default(),
    };
    let found = app.search(&Principal::operator(), &search).await.unwrap();
    found
        .into_iter()
        .next()
        .map_or(String::new(), |passage| passage.text)
}

/// What each model is there for, and how many chunks it has embedded.
async fn models(app: &App) -> Vec<(ModelState, String, usize)> {
    let (models, _) = app.embedding_models().await.unwrap();
    let each = models.into_iter().map(|status| {
        let provider = status.model.origin.provider;
        (status.state, provider, status.embedded)
    });
    each.collect()
}

async fn run(app: &App) {
    while app.reembed_step("worker").await.unwrap() != Reembedding::Done {}
}

#[tokio::test]
async fn answers_come_from_the_old_model_until_the_new_one_is_whole_and_back_again() {
    for bench in Bench::both().await {
        let app = bench.start(false, false).await;
        ingest(&app, &[("dog.md", DOG), ("bridge.md", BRIDGE)]).await;
        drop(app);

        let app = bench.start(true, true).await;
        bench.provider.requests();
        assert_eq!(first(&app, "an animal that makes noise").await, DOG);
        // Nothing was asked of the new model yet.
        assert_eq!(bench.provider.requests().len(), 0);
        // What comes in meanwhile can be found at once, and is not lost later.
        let cat = "The cat sleeps on the sofa.";
        ingest(
            &app,
            &[("dog.md", DOG), ("bridge.md", BRIDGE), ("cat.md", cat)],
        )
        .await;
        assert_eq!(first(&app, "sleeping on furniture").await, cat);
        let step = app.reembed_step("worker").await.unwrap();
        assert_eq!(step, Reembedding::Embedded(3));
        let open_ai = || "openai".to_owned();
        let local = String::new;
        let expected = [
            (ModelState::Active, local(), 3),
            (ModelState::Building, open_ai(), 3),
        ];
        assert_eq!(models(&app).await, expected);
        // A document that changes between the last batch and the switch.
        let fox = "The fox steals hens at night.";
        ingest(
            &app,
            &[("dog.md", fox), ("bridge.md", BRIDGE), ("cat.md", cat)],
        )
        .await;
        run(&app).await;
        bench.provider.requests();
        assert_eq!(first(&app, "a thief of poultry").await, fox);
        assert_eq!(bench.provider.requests().len(), 1);
        let expected = [
            (ModelState::Active, open_ai(), 3),
            (ModelState::Kept, local(), 3),
        ];
        assert_eq!(models(&app).await, expected);
        assert!(app.check_index().await.unwrap().agrees());
        drop(app);

        // The next start finds it so.
        let app = bench.start(true, true).await;
        assert_eq!(app.reembed_step("worker").await.unwrap(), Reembedding::Done);
        let wolf = "The wolf howls at the moon.";
        ingest(
            &app,
            &[("dog.md", wolf), ("bridge.md", BRIDGE), ("cat.md", cat)],
        )
        .await;
        assert_eq!(first(&app, "howling").await, wolf);
        drop(app);

        // And back: only what is new is embedded.
        let app = bench.start(false, true).await;
        let step = app.reembed_step("worker").await.unwrap();
        assert_eq!(step, Reembedding::Embedded(1));
        run(&app).await;
        bench.provider.requests();
        assert_eq!(first(&app, "howling").await, wolf);
        assert_eq!(bench.provider.requests().len(), 0);
        let report = app.check_index().await.unwrap();
        assert!(report.agrees(), "{report:?}");
        assert_eq!(report.points, 3);
    }
}

#[tokio::test]
async fn without_the_old_model_words_alone_are_searched_until_the_change_is_made() {
    let bench = Bench::new(TestHome::sqlite()).await;
    let app = bench.start(true, true).await;
    ingest(&app, &[("dog.md", DOG), ("bridge.md", BRIDGE)]).await;
    drop(app);
    // Its key was taken away.
    let app = bench.start(false, false).await;
    assert_eq!(first(&app, "which postman?").await, DOG);
    assert_eq!(first(&app, "an animal that makes noise").await, "");
    run(&app).await;
    assert_eq!(first(&app, "an animal that makes noise").await, DOG);
}

#[tokio::test]
async fn a_process_that_dies_half_way_loses_nothing_and_two_do_it_once() {
    for bench in Bench::both().await {
        let app = bench.start(false, false).await;
        let many: Vec<(String, String)> = (0..100)
            .map(|number| {
                (
                    format!("{number}.md"),
                    format!("Part {number} of the machine."),
                )
            })
            .collect();
        let many: Vec<(&str, &str)> = many
            .iter()
            .map(|(path, content)| (path.as_str(), content.as_str()))
            .collect();
        ingest(&app, &many).await;
        drop(app);
        let app = bench.start(true, true).await;
        let step = app.reembed_step("first").await.unwrap();
        assert_eq!(step, Reembedding::Embedded(64));
        // Another process finds it taken.
        let step = app.reembed_step("second").await.unwrap();
        assert_eq!(step, Reembedding::Elsewhere);
        drop(app);
        let app = bench.start(true, true).await;
        let step = app.reembed_step("first").await.unwrap();
        assert_eq!(step, Reembedding::Embedded(36));
        run_as(&app, "first").await;
        assert!(app.check_index().await.unwrap().agrees());
    }
}

async fn run_as(app: &App, worker: &str) {
    while app.reembed_step(worker).await.unwrap() != Reembedding::Done {}
}

#[tokio::test]
async fn an_empty_index_changes_its_model_at_once() {
    let bench = Bench::new(TestHome::sqlite()).await;
    drop(bench.start(false, false).await);
    let app = bench.start(true, true).await;
    assert_eq!(app.reembed_step("worker").await.unwrap(), Reembedding::Done);
    ingest(&app, &[("dog.md", DOG)]).await;
    assert_eq!(first(&app, "which postman?").await, DOG);
}

#[tokio::test]
async fn the_index_is_rebuilt_from_the_database_alone() {
    let bench = Bench::new(TestHome::sqlite()).await;
    let app = bench.start(true, true).await;
    ingest(&app, &[("dog.md", DOG), ("bridge.md", BRIDGE)]).await;
    drop(app);
    std::fs::remove_dir_all(bench.home.folder.path().join("index")).unwrap();
    bench.provider.requests();
    let app = bench.start(true, true).await;
    let mut written = vec![];
    let report = app
        .rebuild_index(|count| written.push(count))
        .await
        .unwrap();
    assert!(report.agrees(), "{report:?}");
    assert_eq!((report.points, written), (2, vec![2]));
    // The start looks whether the provider is there; nothing is embedded.
    assert_eq!(bench.provider.requests().len(), 1);
    assert_eq!(first(&app, "an animal that makes noise").await, DOG);
}
