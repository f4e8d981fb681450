//! Embedding providers over HTTP.

use std::{sync::Arc, time::Duration};

use api_service::{
    app::ports::{DenseEmbedder, EmbeddingError},
    outbound::embedding::remote::{Dialect, RemoteEmbedder, RemoteSettings},
};
use serde_json::json;
use service_kit::clock::FixedClock;

use crate::support::{
    NOON,
    auth::http_client,
    embedding_provider::{DIMENSIONS, EmbeddingProvider, Refusal},
};

fn settings(provider: &EmbeddingProvider, dialect: Dialect) -> RemoteSettings {
    let (name, path) = match dialect {
        Dialect::OpenAi => ("openai", "/v1"),
        Dialect::Cohere => ("cohere", ""),
    };
    RemoteSettings {
        dialect,
        provider: name.to_owned(),
        base_url: provider.url(path),
        api_key: Some("sk-test".to_owned().into()),
        model: "Vendor/model-3".to_owned(),
        dimensions: None,
        batch: 2,
        at_once: 2,
    }
}

async fn connect(settings: RemoteSettings, clock: &Arc<FixedClock>) -> RemoteEmbedder {
    let connected = RemoteEmbedder::connect(settings, http_client(), clock.clone(), None);
    connected.await.unwrap()
}

fn clock() -> Arc<FixedClock> {
    Arc::new(FixedClock::at(NOON))
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

fn refusal(status: u16, retry_after: Option<&'static str>) -> Refusal {
    Refusal {
        status,
        retry_after,
        body: r#"{"error": {"message": "no"}}"#,
    }
}

#[tokio::test]
async fn open_ai_is_asked_in_batches_and_keeps_the_order() {
    let provider = EmbeddingProvider::start().await;
    let model = connect(settings(&provider, Dialect::OpenAi), &clock()).await;
    assert_eq!(model.fingerprint(), "openai-vendor-model-3-384");
    provider.requests();
    let all = texts(&["a dog", "a cat", "a bridge"]);
    let together = model.embed_passages(all.clone()).await.unwrap();
    let mut sent = provider.requests();
    sent.sort_by_key(|request| request["body"]["input"].as_array().unwrap().len());
    let expected = [json!(["a bridge"]), json!(["a dog", "a cat"])].map(|input| {
        json!({
            "path": "/v1/embeddings",
            "key": "Bearer sk-test",
            "body": {"model": "Vendor/model-3", "input": input, "encoding_format": "float"},
        })
    });
    assert_eq!(sent, expected);
    for (text, vector) in all.into_iter().zip(together) {
        assert_eq!(model.embed_passages(vec![text]).await.unwrap(), [vector]);
    }
    assert_eq!(
        model.embed_passages(vec![]).await.unwrap(),
        Vec::<Vec<f32>>::new()
    );
}

#[tokio::test]
async fn cohere_is_told_what_a_text_is_for() {
    let provider = EmbeddingProvider::start().await;
    let settings = RemoteSettings {
        dimensions: Some(256),
        ..settings(&provider, Dialect::Cohere)
    };
    let model = connect(settings, &clock()).await;
    assert_eq!(
        (model.dimensions(), model.fingerprint()),
        (256, "cohere-vendor-model-3-256")
    );
    provider.requests();
    model.embed_passages(texts(&["a dog"])).await.unwrap();
    model
        .embed_question("what barks?".to_owned())
        .await
        .unwrap();
    let expected = [
        ("search_document", "a dog"),
        ("search_query", "what barks?"),
    ]
    .map(|(input_type, text)| {
        json!({
            "path": "/v2/embed",
            "key": "Bearer sk-test",
            "body": {
                "model": "Vendor/model-3",
                "texts": [text],
                "input_type": input_type,
                "embedding_types": ["float"],
                "truncate": "END",
                "output_dimension": 256,
            },
        })
    });
    assert_eq!(provider.requests(), expected);
}

#[tokio::test]
async fn a_provider_that_asks_to_wait_is_left_alone_until_then() {
    let provider = EmbeddingProvider::start().await;
    let clock = clock();
    let model = connect(settings(&provider, Dialect::OpenAi), &clock).await;
    provider.requests();
    // It is 2026-11-01T12:00:00Z, and 8 seconds later the second time.
    let waits = [("7", 7), ("Sun, 01 Nov 2026 12:00:19 GMT", 10), ("1.5", 1)];
    for (header, seconds) in waits {
        provider.refuse([refusal(429, Some(header))]);
        let wait = |result: Result<Vec<Vec<f32>>, EmbeddingError>| match result {
            Err(EmbeddingError::Busy(Some(wait))) => wait.as_secs(),
            other => panic!("{other:?}"),
        };
        assert_eq!(wait(model.embed_passages(texts(&["a"])).await), seconds);
        assert_eq!(provider.requests().len(), 1);
        // Others do not ask meanwhile, questions neither.
        let question = model.embed_question("b".to_owned()).await;
        assert_eq!(wait(question.map(|vector| vec![vector])), seconds);
        assert_eq!(provider.requests().len(), 0);
        clock.advance(i64::try_from(seconds).unwrap() * 1000 + 1000);
        model.embed_passages(texts(&["a"])).await.unwrap();
        provider.requests();
    }
    provider.refuse([refusal(503, None), refusal(429, Some("soon"))]);
    for _ in 0..2 {
        let busy = model.embed_passages(texts(&["a"])).await;
        assert!(matches!(busy, Err(EmbeddingError::Busy(None))), "{busy:?}");
    }
    model.embed_passages(texts(&["a"])).await.unwrap();
}

#[tokio::test]
async fn a_start_sees_what_can_not_be_meant() {
    let provider = EmbeddingProvider::start().await;
    let attempt = |settings: RemoteSettings, known: Option<usize>| async move {
        let connected = RemoteEmbedder::connect(settings, http_client(), clock(), known).await;
        connected.map(|model| model.dimensions()).map_err(|error| {
            let source = std::error::Error::source(&error);
            source.map_or(error.to_string(), ToString::to_string)
        })
    };
    let open_ai = || settings(&provider, Dialect::OpenAi);
    provider.refuse([refusal(401, None)]);
    let refused = attempt(open_ai(), Some(DIMENSIONS)).await.unwrap_err();
    let expected = "the embedding provider answered 401 Unauthorized: \
                    {\"error\": {\"message\": \"no\"}}";
    assert_eq!(refused, expected);
    let too_many = RemoteSettings {
        dimensions: Some(2048),
        ..open_ai()
    };
    let refused = attempt(too_many, None).await.unwrap_err();
    assert_eq!(
        refused,
        "the embedding provider's answer has 384 values, not 2048"
    );
    // Where it was there before, a provider out of reach does not keep us down.
    provider.refuse([refusal(500, None)]);
    assert_eq!(attempt(open_ai(), Some(DIMENSIONS)).await, Ok(DIMENSIONS));
    provider.refuse([refusal(500, None)]);
    assert!(attempt(open_ai(), None).await.is_err());
    let nowhere = RemoteSettings {
        base_url: "http://127.0.0.1:9".to_owned(),
        ..open_ai()
    };
    assert_eq!(attempt(nowhere.clone(), Some(3)).await, Ok(3));
    let refused = attempt(nowhere, None).await.unwrap_err();
    assert_eq!(refused, "the embedding provider can't be reached");
}

#[tokio::test]
async fn answers_of_another_shape_are_refused() {
    let provider = EmbeddingProvider::start().await;
    let model = connect(settings(&provider, Dialect::OpenAi), &clock()).await;
    for body in [
        "",
        "{}",
        r#"{"data": []}"#,
        r#"{"data": [{"index": 0, "embedding": [1.0, 2.0]}]}"#,
        r#"{"data": [{"index": 0, "embedding": ["x"]}]}"#,
        r#"{"data": [{"index": 0, "embedding": [1e999]}]}"#,
    ] {
        provider.refuse([Refusal {
            status: 200,
            retry_after: None,
            body,
        }]);
        let failed =
            tokio::time::timeout(Duration::from_secs(5), model.embed_passages(texts(&["a"])));
        let failed = failed.await.unwrap();
        assert!(
            matches!(failed, Err(EmbeddingError::Failed(_))),
            "{body}: {failed:?}"
        );
    }
}
