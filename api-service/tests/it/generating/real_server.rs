//! The client against a server that others wrote: `LiteLLM`'s proxy, whose models
//! stand in `tests/litellm/config.yaml`. `tests/litellm/run.py` starts it.

use std::sync::{Arc, Once};

use api_service::{
    app::ports::Piece,
    domain::answer::{AnswerEvent, AnswerKind},
    outbound::llm::{ModelChain, ModelSettings},
};
use axum::http::StatusCode;
use futures::StreamExt;
use serde_json::json;

use super::{budget, clock, generate, pieces, refusal, text, whole};
use crate::support::{
    caller, json_request,
    language_model::{chain, model, settings},
    remark,
};

const SAID: &str = "The arm lifts ten kilograms [1]. It flies [9].";

/// The models of these names at the server, if it is there.
fn models(names: &[&str]) -> Option<Vec<ModelSettings>> {
    #[expect(
        clippy::disallowed_methods,
        reason = "the harness says where the server is"
    )]
    let Ok(url) = std::env::var("TEST_LITELLM_URL") else {
        static SAID: Once = Once::new();
        SAID.call_once(|| remark("TEST_LITELLM_URL is not set: no real model server is asked"));
        return None;
    };
    let models = names.iter().map(|name| ModelSettings {
        api_key: Some("sk-lectern-test".to_owned().into()),
        ..model(&format!("{url}/v1"), name)
    });
    Some(models.collect())
}

fn server(names: &[&str]) -> Option<Arc<ModelChain>> {
    Some(chain(settings(models(names)?), &clock()))
}

#[tokio::test]
async fn a_real_server_streams_and_tells_usage() {
    let Some(chain) = server(&["answers"]) else {
        return;
    };
    let pieces = pieces(generate(chain.as_ref(), "ada").await.unwrap()).await;
    assert!(pieces.len() > 5, "{pieces:?}");
    assert_eq!(text(&pieces), SAID);
    let Some(Ok(Piece::Usage(used))) = pieces.last() else {
        panic!("{pieces:?}");
    };
    assert!(used.prompt > 5 && used.completion > 5, "{used:?}");
}

#[tokio::test]
async fn a_real_servers_refusals_are_understood() {
    for (name, said) in [
        ("limited", "it answered 429"),
        ("broken", "it answered 500"),
        ("nobody", "it answered 400"),
    ] {
        let Some(chain) = server(&[name]) else {
            return;
        };
        let refused = refusal(chain.as_ref()).await;
        assert!(refused.contains(said), "{name}: {refused}");
    }
    let stranger = models(&["answers"]).unwrap().into_iter();
    let stranger = stranger.map(|model| ModelSettings {
        api_key: Some("sk-wrong".to_owned().into()),
        ..model
    });
    let chain = chain(settings(stranger.collect()), &clock());
    let refused = refusal(chain.as_ref()).await;
    assert!(
        refused.contains("it answered 4") && !refused.contains("sk-wrong"),
        "{refused}"
    );
}

#[tokio::test]
async fn models_of_a_real_server_stand_in_for_one_another() {
    let Some(chain) = server(&["nobody", "limited", "broken", "answers"]) else {
        return;
    };
    let answer = whole(chain.as_ref()).await;
    assert_eq!(answer, (SAID.to_owned(), "answers".to_owned()));
}

#[tokio::test]
async fn an_answer_of_a_real_server_is_checked_counted_and_kept() {
    let Some(chain) = server(&["broken", "answers"]) else {
        return;
    };
    let app = budget::app(chain, 100_000).await;
    let body = json!({"message": "What does the arm lift?"});
    let (status, answer) = app.ask(json_request("ada", "POST /v1/chat", &body)).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    assert_eq!(answer["kind"], "generated");
    assert_eq!(answer["model"], "answers");
    assert_eq!(
        answer["response"],
        "The arm lifts ten kilograms [1]. It flies ."
    );
    let mut events = app.app.ask(&caller("ada"), &budget::asked()).await.unwrap();
    let mut kind = None;
    while let Some(told) = events.next().await {
        if let AnswerEvent::Completed(answer) = told.event {
            kind = Some(answer.kind);
        }
    }
    assert_eq!(kind, Some(AnswerKind::Generated));
    let usage = budget::usage(&app, "ada").await;
    assert_eq!(
        (&usage["answers"], &usage["reserved_tokens"]),
        (&2.into(), &0.into())
    );
    assert!(
        usage["usage"]["completion_tokens"].as_u64() > Some(10),
        "{usage}"
    );
}
