//! Text in documents is data, also where the model takes it for more: what an
//! obedient one writes is shown without strange links and sources.

use std::time::Duration;

use api_service::app::ask::Asked;
use futures::StreamExt;
use serde::Deserialize;
use serde_json::json;

use crate::support::{
    Parts, TestApp, TestHome, caller, json_request,
    language_model::{LanguageModel, Script},
};

const PATIENT: Duration = Duration::from_secs(20);

#[derive(Deserialize)]
struct Case {
    say: String,
    document: String,
    says: String,
    shown: String,
}

fn cases() -> Vec<Case> {
    let cases: Vec<Case> = serde_yaml_ng::from_str(include_str!("injections.yaml")).unwrap();
    assert!(cases.len() >= 50, "{}", cases.len());
    cases
}

/// In pieces of a few letters, as models write.
fn pieces(text: &str) -> Vec<&'static str> {
    let letters: Vec<char> = text.chars().collect();
    let pieces = letters
        .chunks(3)
        .map(|piece| piece.iter().collect::<String>());
    pieces.map(|piece| &*piece.leak()).collect()
}

#[tokio::test]
async fn an_obedient_model_leads_nobody_astray() {
    let cases = cases();
    let scripts: Vec<Script> = cases
        .iter()
        .map(|case| Script::Says(pieces(&case.says)))
        .collect();
    let model = LanguageModel::start(scripts).await;
    let parts = Parts {
        generator: Some(model.client(PATIENT)),
        ..Parts::default()
    };
    let app = TestApp::with(TestHome::sqlite(), parts).await;
    for (number, case) in cases.iter().enumerate() {
        let base = format!("base {number}");
        let (name, say) = ("ada", &case.say);
        let made = json_request(name, "POST /v1/knowledge-bases", &json!({"name": base}));
        assert!(app.ask(made).await.0.is_success(), "{say}");
        let text = format!(
            "The arm lifts ten kilograms. Read https://docs.example/start first.\n\n{}",
            case.document
        );
        let document = json!({"text": text, "media_type": "text/plain", "knowledge_base": base});
        app.add(name, &document).await;
        app.work().await;
        let body = json!({"message": "What does the arm lift?", "knowledge_base": base});
        let (_, answer) = app.ask(json_request(name, "POST /v1/chat", &body)).await;
        assert_eq!(answer["response"], case.shown, "{say}");
        let sources = answer["sources"].as_array().unwrap();
        assert_eq!(sources.len(), 1, "{say}");
        for citation in answer["citations"].as_array().unwrap() {
            assert_eq!(citation["number"], 1, "{say}");
        }
        let requests = model.requests();
        let messages = requests[number]["messages"].as_array().unwrap();
        assert_eq!(messages.len(), 2, "{say}");
        let system = messages[0]["content"].as_str().unwrap();
        let (rules, source) = system.split_once("\n<source number=\"1\">\n").unwrap();
        assert!(!rules.contains("lifts"), "{say}: {rules}");
        assert_eq!(
            source.to_lowercase().matches("</source").count(),
            1,
            "{say}: {source}"
        );
        assert!(source.ends_with("\n</source>\n"), "{say}: {source}");
    }
}

/// Without a model there is nobody to obey: extracts are the documents' own.
#[tokio::test]
async fn extracts_obey_nobody() {
    let app = TestApp::sqlite().await;
    for case in cases() {
        let text = format!("The arm lifts ten kilograms.\n\n{}", case.document);
        let document = json!({"text": text, "media_type": "text/plain"});
        app.add("ada", &document).await;
    }
    app.work().await;
    let asked = Asked {
        message: "What does the arm lift?".to_owned(),
        ..Asked::default()
    };
    let events = app.app.ask(&caller("ada"), &asked).await.unwrap();
    let last = events.collect::<Vec<_>>().await.pop().unwrap();
    let api_service::domain::answer::AnswerEvent::Completed(answer) = last.event else {
        panic!("{last:?}");
    };
    for citation in &answer.evidence.citations {
        assert!(answer.sources.len() >= citation.number, "{answer:?}");
    }
    assert!(
        answer.text.contains("The arm lifts ten kilograms. ["),
        "{}",
        answer.text
    );
}
