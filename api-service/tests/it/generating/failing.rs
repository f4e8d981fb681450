//! Models that fail before their first word: asked again, replaced, left alone.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use api_service::outbound::llm::{ChainSettings, ModelChain};
use service_kit::clock::FixedClock;

use super::{clock, generate, refusal, whole};
use crate::support::{
    NOON,
    language_model::{LanguageModel, Script, chain, client, model, settings},
};

fn says(text: &'static str) -> Script {
    Script::Says(vec![text])
}

/// A chain of these, under the names `0`, `1`, …
fn chain_of(servers: &[&LanguageModel], first_token: Duration) -> Arc<ModelChain> {
    on_clock(servers, first_token, &clock())
}

fn on_clock(
    servers: &[&LanguageModel],
    first_token: Duration,
    clock: &Arc<FixedClock>,
) -> Arc<ModelChain> {
    let models = servers.iter().enumerate();
    let models = models.map(|(number, server)| model(&server.base_url(), &number.to_string()));
    let settings = ChainSettings {
        first_token_timeout: first_token,
        ..settings(models.collect())
    };
    chain(settings, clock)
}

const PATIENT: Duration = Duration::from_secs(20);

#[tokio::test]
async fn what_passes_is_tried_again() {
    for script in [
        Script::Refuses(500),
        Script::Refuses(503),
        Script::Refuses(529),
        Script::Refuses(408),
        Script::AsksToWait(429, "0"),
        Script::AsksToWait(503, "Sun, 01 Nov 2026 12:00:00 GMT"),
        Script::Sends(vec![": hello\n"]),
        Script::Sends(vec![
            "data: {\"error\":{\"code\":502,\"message\":\"no\"}}\n\n",
        ]),
    ] {
        let server = LanguageModel::start([script.clone(), says("Ten.")]).await;
        let chain = chain_of(&[&server], PATIENT);
        assert_eq!(whole(chain.as_ref()).await.0, "Ten.", "{script:?}");
        assert_eq!(server.requests().len(), 2);
    }
}

#[tokio::test]
async fn what_does_not_pass_is_not_tried_again() {
    for script in [
        Script::Refuses(400),
        Script::Refuses(401),
        Script::Refuses(404),
        Script::Says(vec![]),
        Script::Sends(vec!["data: no\n\n"]),
    ] {
        let first = LanguageModel::start([script.clone()]).await;
        let second = LanguageModel::start([says("Ten.")]).await;
        let chain = chain_of(&[&first, &second], PATIENT);
        let answer = whole(chain.as_ref()).await;
        assert_eq!(answer, ("Ten.".to_owned(), "1".to_owned()), "{script:?}");
        assert_eq!(first.requests().len(), 1);
    }
}

#[tokio::test]
async fn a_wish_to_wait_is_honoured() {
    let server = LanguageModel::start([Script::AsksToWait(429, "1"), says("Ten.")]).await;
    let chain = chain_of(&[&server], PATIENT);
    let began = Instant::now();
    assert_eq!(whole(chain.as_ref()).await.0, "Ten.");
    assert!(began.elapsed() >= Duration::from_secs(1));
}

/// Nobody waits for longer than there is time, and while the provider is to be
/// left alone, nobody asks it.
#[tokio::test]
async fn a_wish_to_wait_for_long_leads_to_the_next_model() {
    for after in ["60", "Sun, 01 Nov 2026 12:01:00 GMT"] {
        let first = LanguageModel::start([Script::AsksToWait(429, after), says("One.")]).await;
        let second = LanguageModel::start([says("Two."), says("Two.")]).await;
        let time = clock();
        let chain = on_clock(&[&first, &second], PATIENT, &time);
        let began = Instant::now();
        for _ in 0..2 {
            assert_eq!(whole(chain.as_ref()).await.0, "Two.");
        }
        assert!(began.elapsed() < Duration::from_secs(5));
        assert_eq!(first.requests().len(), 1);
        time.advance(60_000);
        assert_eq!(whole(chain.as_ref()).await.0, "One.");
    }
}

#[tokio::test]
async fn models_are_asked_in_their_order() {
    let broken = || (0..3).map(|_| Script::Refuses(500)).collect::<Vec<_>>();
    let (first, second) = (
        LanguageModel::start(broken()).await,
        LanguageModel::start(broken()).await,
    );
    let third = LanguageModel::start([says("Ten.")]).await;
    let chain = chain_of(&[&first, &second, &third], PATIENT);
    let answer = whole(chain.as_ref()).await;
    assert_eq!(answer, ("Ten.".to_owned(), "2".to_owned()));
    let asked = [&first, &second, &third].map(|server| server.requests().len());
    assert_eq!(asked, [3, 3, 1]);
    assert_eq!(third.requests()[0]["model"], "2");
}

#[tokio::test]
async fn a_model_that_does_not_begin_in_time_is_replaced() {
    for script in [
        Script::Silent,
        Script::Stalls(vec![]),
        Script::Stalls(vec![": waiting\n\n", "data: {\"choices\":[]}\n\n"]),
        Script::Stalls(vec![
            "data: {\"choices\":[{\"delta\":{\"role\":\"assistant\"}}]}\n\n",
        ]),
    ] {
        let first = LanguageModel::start([script.clone()]).await;
        let second = LanguageModel::start([says("Ten.")]).await;
        let chain = chain_of(&[&first, &second], Duration::from_millis(200));
        assert_eq!(whole(chain.as_ref()).await.0, "Ten.", "{script:?}");
        first.dropped().await;
    }
    let unreachable = model("http://127.0.0.1:1/v1", "gone");
    let second = LanguageModel::start([says("Ten.")]).await;
    let models = vec![unreachable, model(&second.base_url(), "there")];
    assert_eq!(
        whole(chain(settings(models), &clock()).as_ref()).await,
        ("Ten.".to_owned(), "there".to_owned())
    );
}

/// Thinking is no silence, however long it takes.
#[tokio::test]
async fn a_model_that_thinks_has_begun() {
    let thinks = "data: {\"choices\":[{\"delta\":{\"reasoning\":\"Hm\"}}]}\n\n";
    let server = LanguageModel::start([Script::Stalls(vec![thinks])]).await;
    let settings = ChainSettings {
        first_token_timeout: Duration::from_millis(100),
        timeout: Duration::from_millis(600),
        ..settings(vec![model(&server.base_url(), "m")])
    };
    let began = Instant::now();
    let said = refusal(chain(settings, &clock()).as_ref()).await;
    assert_eq!(said, "the language model took too long");
    assert!(began.elapsed() >= Duration::from_millis(600));
}

/// Five failures in a row, and it is left alone; after half a minute one asks.
#[tokio::test]
async fn a_model_that_fails_is_left_alone_for_a_while() {
    let time = Arc::new(FixedClock::at(NOON));
    let refusals = (0..6).map(|_| Script::Refuses(401));
    let server = LanguageModel::start(refusals.chain([says("One."), says("One.")])).await;
    let chain = on_clock(&[&server], PATIENT, &time);
    for _ in 0..7 {
        refusal(chain.as_ref()).await;
    }
    assert_eq!(server.requests().len(), 5);
    let said = refusal(chain.as_ref()).await;
    assert!(
        said.ends_with("it is left alone for a while, since it failed"),
        "{said}"
    );
    time.advance(30_000);
    for _ in 0..2 {
        refusal(chain.as_ref()).await;
    }
    assert_eq!(server.requests().len(), 6);
    time.advance(30_000);
    for _ in 0..2 {
        assert_eq!(whole(chain.as_ref()).await.0, "One.");
    }
}

/// A question that a model does not take says nothing about the model.
#[tokio::test]
async fn a_request_that_is_wrong_closes_no_model() {
    let refusals = (0..8).map(|_| Script::Refuses(400));
    let server = LanguageModel::start(refusals.chain([says("One.")])).await;
    let chain = chain_of(&[&server], PATIENT);
    for _ in 0..8 {
        let said = refusal(chain.as_ref()).await;
        assert!(said.contains("it answered 400"), "{said}");
    }
    assert_eq!(whole(chain.as_ref()).await.0, "One.");
}

#[tokio::test]
async fn no_time_is_left_once_it_is_over() {
    let server = LanguageModel::start((0..3).map(|_| Script::Refuses(500))).await;
    let settings = ChainSettings {
        timeout: Duration::from_millis(700),
        ..settings(vec![model(&server.base_url(), "m")])
    };
    let began = Instant::now();
    let said = refusal(chain(settings, &clock()).as_ref()).await;
    assert!(said.contains("it answered 500"), "{said}");
    assert!(began.elapsed() < Duration::from_millis(700));
    assert_eq!(server.requests().len(), 2);
    let hanging = LanguageModel::start([Script::Silent]).await;
    let chain = client(&hanging.base_url(), Duration::from_millis(200));
    assert!(generate(chain.as_ref(), "ada").await.is_err());
    hanging.dropped().await;
}
