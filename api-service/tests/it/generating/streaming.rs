//! Streams as providers send them, whole and broken.

use std::time::Duration;

use api_service::{
    app::ports::{GenerationError, Piece},
    domain::answer::TokenUsage,
};
use serde_json::json;

use super::{causes, generate, pieces, refusal, text, whole};
use crate::support::language_model::{LanguageModel, Script, client, model, settings};

const PATIENT: Duration = Duration::from_secs(20);

/// A chunk with this delta.
macro_rules! delta {
    ($delta:literal) => {
        concat!(
            "data: {\"choices\":[{\"index\":0,\"delta\":",
            $delta,
            "}]}\n\n"
        )
    };
}

const DONE: &str = "data: [DONE]\n\n";
const STOP: &str = "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";

/// What comes of a stream: its text, or why there is none, and how it ends.
async fn told(sent: &[&'static str]) -> (String, String) {
    // A stream that was cut is asked for again.
    let script = Script::Sends(sent.to_vec());
    let model = LanguageModel::start([script.clone(), script.clone(), script]).await;
    let chain = model.client(PATIENT);
    match generate(chain.as_ref(), "ada").await {
        Err(error) => (String::new(), causes(&error)),
        Ok(generation) => {
            let pieces = pieces(generation).await;
            let end = match pieces.last() {
                Some(Err(error)) => causes(error),
                Some(Ok(Piece::Limit)) => "limit".to_owned(),
                _ => "whole".to_owned(),
            };
            (text(&pieces), end)
        }
    }
}

#[tokio::test]
async fn a_stream_is_read_as_loosely_as_providers_write_it() {
    let hello = delta!("{\"content\":\"Hello\"}");
    for sent in [
        // As OpenAI does it: a role, empty content, a reason to end, usage.
        &[
            delta!("{\"role\":\"assistant\",\"content\":\"\",\"refusal\":null}"),
            hello,
            STOP,
            "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":1}}\n\n",
            DONE,
        ][..],
        // As OpenRouter does it: comments while the model is waited for.
        &[
            ": OPENROUTER PROCESSING\n\n",
            ": OPENROUTER PROCESSING\n\n",
            hello,
            STOP,
            DONE,
        ],
        // A reasoning model's thoughts, in the fields of both families.
        &[
            delta!("{\"reasoning_content\":\"Hm.\",\"content\":null}"),
            delta!("{\"reasoning\":\"Well.\",\"content\":\"\"}"),
            hello,
            DONE,
        ],
        // Cut anywhere on the way, also within a character.
        &[
            "da",
            "ta: {\"choices\":[{\"del",
            "ta\":{\"content\":\"Hel",
            "lo\"}}]}\n",
            "\ndata: [DO",
            "NE]\n\n",
        ],
        // Other line ends, names of events, no space, nulls, unknown things.
        &[
            "event: message\r\ndata:{\"choices\":[{\"delta\":{\"content\":\"Hello\"},\
             \"finish_reason\":null}],\"usage\":null,\"error\":null}\r\n\r\n",
            "id: 7\nretry: 100\ndata:\n\n",
            "data: {\"object\":\"ping\"}\n\n",
            "data: {\"choices\":null}\n\n",
            "data: [DONE]\r\n\r\n",
        ],
        // A reason to end is an end, even without the mark, and even if the
        // last line has no end.
        &[hello, "data: {\"choices\":[{\"finish_reason\":\"stop\"}]}"],
        // White space before the first word is not shown.
        &[
            delta!("{\"content\":\"\\n\"}"),
            delta!("{\"content\":\" \"}"),
            hello,
            DONE,
        ],
    ] {
        let (text, end) = told(sent).await;
        assert_eq!(
            (text.as_str(), end.as_str()),
            ("Hello", "whole"),
            "{sent:?}"
        );
    }
}

#[tokio::test]
async fn a_stream_that_breaks_is_no_whole_answer() {
    let hello = delta!("{\"content\":\"Hello\"}");
    let failed = "the language model failed: ";
    for (sent, end) in [
        (&[hello][..], "its stream was cut off"),
        (
            &[hello, "data: {\"choi"],
            "its stream has a chunk that is none",
        ),
        (
            &[hello, "data: Internal Server Error\n\n", DONE],
            "its stream has a chunk that is none",
        ),
        (
            &[
                hello,
                "data: {\"error\":{\"message\":\"overloaded\",\"code\":529}}\n\n",
                DONE,
            ],
            "it answered 529: overloaded",
        ),
        (
            &[hello, "data: {\"error\":\"no\"}\n\n"],
            "it answered 0: \"no\"",
        ),
        (
            &[
                hello,
                "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"error\"}]}\n\n",
                DONE,
            ],
            "its stream was cut off",
        ),
    ] {
        let expected = ("Hello".to_owned(), format!("{failed}{end}"));
        assert_eq!(told(sent).await, expected, "{sent:?}");
    }
    for (sent, end) in [
        (&[][..], "its stream was cut off"),
        (&[DONE], "it said nothing"),
        (&[STOP, DONE], "it said nothing"),
        (&[delta!("{\"content\":\" \\n\"}"), DONE], "it said nothing"),
        (
            &["data: {\"error\":{\"message\":\"no\",\"code\":400}}\n\n"],
            "it answered 400: no",
        ),
        (&["<html>Bad gateway</html>\n"], "its stream was cut off"),
        (&["data: {}}\n\n"], "its stream has a chunk that is none"),
    ] {
        assert_eq!(
            told(sent).await,
            (String::new(), format!("{failed}{end}")),
            "{sent:?}"
        );
    }
}

#[tokio::test]
async fn a_line_without_end_is_not_read_to_its_end() {
    let long: &'static str = String::leak("x".repeat(2 * 1024 * 1024));
    let (text, end) = told(&[delta!("{\"content\":\"Hello\"}"), "data: ", long]).await;
    assert_eq!(text, "Hello");
    assert!(
        end.ends_with("its stream has a line that is too long"),
        "{end}"
    );
}

#[tokio::test]
async fn an_answer_may_reach_its_limit() {
    let cut =
        "data: {\"choices\":[{\"delta\":{\"content\":\"lo\"},\"finish_reason\":\"length\"}]}\n\n";
    let told = told(&[delta!("{\"content\":\"Hel\"}"), cut, DONE]).await;
    assert_eq!(told, ("Hello".to_owned(), "limit".to_owned()));
}

#[tokio::test]
async fn usage_is_asked_for_and_told() {
    let usage =
        "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":90,\"completion_tokens\":7}}\n\n";
    let script = Script::Sends(vec![delta!("{\"content\":\"Hello\"}"), STOP, usage, DONE]);
    let model = LanguageModel::start([script]).await;
    let chain = model.client(PATIENT);
    let pieces = pieces(generate(chain.as_ref(), "ada").await.unwrap()).await;
    let Some(Ok(Piece::Usage(used))) = pieces.last() else {
        panic!("{pieces:?}");
    };
    let expected = TokenUsage {
        prompt: 90,
        completion: 7,
    };
    assert_eq!(*used, expected);
    let request = &model.requests()[0];
    assert_eq!(request["stream_options"], json!({"include_usage": true}));
    assert_eq!(
        request["messages"],
        json!([
            {"role": "system", "content": "Answer from the sources."},
            {"role": "user", "content": "What does the arm lift?"},
        ])
    );
    assert!(request.get("max_tokens").is_none());
}

/// An older server is asked again without what it does not know, and from then
/// on in that way.
#[tokio::test]
async fn a_server_that_knows_no_stream_options_is_spared_them() {
    let says = Script::Says(vec!["Hello"]);
    let server = LanguageModel::start([Script::RefusesOptions, says.clone(), says]).await;
    let chain = server.client(PATIENT);
    for _ in 0..2 {
        assert_eq!(whole(chain.as_ref()).await.0, "Hello");
    }
    let asked: Vec<bool> = server
        .requests()
        .iter()
        .map(|request| request.get("stream_options").is_some())
        .collect();
    assert_eq!(asked, [true, false, false]);
}

#[tokio::test]
async fn the_limit_of_an_answer_has_two_names() {
    use api_service::outbound::llm::{ChainSettings, Dialect, ModelSettings};

    for (dialect, name) in [
        (Dialect::OpenAi, "max_completion_tokens"),
        (Dialect::Compatible, "max_tokens"),
    ] {
        let server = LanguageModel::start([Script::Says(vec!["Hello"])]).await;
        let one = ModelSettings {
            dialect,
            ..model(&server.base_url(), "m")
        };
        let settings = ChainSettings {
            max_output: Some(256),
            ..settings(vec![one])
        };
        let chain = crate::support::language_model::chain(settings, &super::clock());
        assert_eq!(whole(chain.as_ref()).await.0, "Hello");
        assert_eq!(server.requests()[0][name], 256);
    }
}

#[tokio::test]
async fn a_stall_ends_with_the_time_that_an_answer_may_take() {
    let hello = delta!("{\"content\":\"Hello\"}");
    let server = LanguageModel::start([Script::Stalls(vec![hello, "data: {\"choi"])]).await;
    let chain = server.client(Duration::from_millis(300));
    let pieces = pieces(generate(chain.as_ref(), "ada").await.unwrap()).await;
    assert_eq!(text(&pieces), "Hello");
    assert!(matches!(pieces.last(), Some(Err(GenerationError::TooSlow))));
    server.dropped().await;
}

#[tokio::test]
async fn what_goes_wrong_tells_no_secrets() {
    let said = refusal(client("http://user:hunter2@127.0.0.1:1/v1", PATIENT).as_ref()).await;
    assert!(said.contains("it can't be reached"), "{said}");
    assert!(
        !said.contains("hunter2") && !said.contains("sk-test"),
        "{said}"
    );
}
