//! The words of other languages and scripts, from documents to hits.

use std::collections::BTreeMap;

use api_service::{
    app::evaluate::{LabelledDocument, LabelledQueries},
    domain::index::{IndexQuery, Mode},
    pipeline::scoring::Judgements,
};
use serde_json::json;

use crate::support::{TestApp, TestHome, caller, json_request};

struct Case {
    code: &'static str,
    /// Prose that tells its language.
    document: &'static str,
    other: &'static str,
    /// Words that stand in the first document in another form or within others.
    question: &'static str,
}

const CASES: &[Case] = &[
    Case {
        code: "zh",
        document: "向量数据库用于存储和检索嵌入向量。它把文本转换为数字，然后比较它们之间的距离，从而找到意义相近的段落。",
        other: "今天的天气非常好，我们一起去公园散步，孩子们在草地上玩耍，老人们坐在长椅上聊天。",
        question: "数据库",
    },
    Case {
        code: "ar",
        document: "تقع مدارسنا في وسط المدينة، وفيها مكتبات كبيرة ومختبرات حديثة يتعلم فيها الطلاب العلوم واللغات كل يوم.",
        other: "الطقس اليوم جميل والسماء صافية، لذلك خرج الناس إلى الحدائق مع أطفالهم بعد الظهر.",
        question: "المدارس",
    },
    Case {
        code: "ru",
        document: "Договор может быть расторгнут любой из сторон при условии письменного уведомления за три месяца до окончания квартала, если иное не согласовано.",
        other: "Сегодня прекрасная погода, и мы всей семьёй поехали за город, чтобы погулять в лесу и собрать немного грибов на ужин.",
        question: "расторгнутые договоры",
    },
    Case {
        code: "hi",
        document: "लड़का हर सुबह साइकिल से स्कूल जाता है और शाम को अपने दोस्तों के साथ मैदान में क्रिकेट खेलता है।",
        other: "आज मौसम बहुत अच्छा है, इसलिए हम सब बाग में घूमने गए और वहाँ फूलों की सुगंध का आनंद लिया।",
        question: "लड़के",
    },
    Case {
        code: "de",
        document: "Der Vertrag kann von beiden Seiten mit einer Frist von drei Monaten zum Ende eines Quartals gekündigt werden, wenn nichts anderes vereinbart worden ist.",
        other: "Heute ist das Wetter sehr schön, deshalb sind wir mit den Kindern in den Park gegangen und haben dort den ganzen Nachmittag gespielt.",
        question: "Verträge",
    },
];

#[tokio::test]
async fn each_language_is_told_and_its_words_are_found() {
    for home in [TestHome::sqlite(), TestHome::postgres().await] {
        let app = TestApp::on(home).await;
        for case in CASES {
            let documents = [("right", case.document), ("wrong", case.other)];
            let documents = documents.map(|(id, text)| LabelledDocument {
                id: id.to_owned(),
                title: String::new(),
                text: text.to_owned(),
            });
            let loaded = app.app.load_labelled(case.code, documents.to_vec()).await;
            loaded.unwrap();
        }
        app.work().await;
        let list = json_request("ada", "GET /v1/knowledge-bases", &json!(null));
        let (_, bases) = app.ask(list).await;
        for case in CASES {
            let bases = bases["knowledge_bases"].as_array().unwrap();
            let base = bases.iter().find(|base| base["name"] == case.code).unwrap();
            assert_eq!(base["language"], case.code);
            let judged = Judgements::from([("right".to_owned(), 1)]);
            let set = LabelledQueries {
                queries: vec![("1".to_owned(), case.question.to_owned())],
                judgements: BTreeMap::from([("1".to_owned(), judged)]),
                spans: BTreeMap::new(),
            };
            let scores = app.app.evaluate(case.code, &set, Mode::Sparse).await;
            let first = scores.unwrap().0.mrr_10;
            assert!((first - 1.0).abs() < f64::EPSILON, "{}", case.question);
        }
    }
}

#[tokio::test]
async fn a_language_that_is_given_goes_before_what_a_document_tells() {
    let app = TestApp::sqlite().await;
    let german = json!({"name": "verträge", "language": "de"});
    let made = app.ask(json_request("ada", "POST /v1/knowledge-bases", &german));
    let (_, base) = made.await;
    assert_eq!(base["language"], "de");
    // Too short to tell a language.
    let body = json!({"text": "Drei Häuser.", "knowledge_base": "verträge"});
    app.add("ada", &body).await;
    app.work().await;
    assert_eq!(by_words(&app, "haus").await, 1);
    // In another language the forms do not meet, and back again they do.
    for (code, found) in [("en", 0), ("de", 1)] {
        let path = format!("PATCH /v1/knowledge-bases/{}", base["id"].as_str().unwrap());
        let changed = app.ask(json_request("ada", &path, &json!({"language": code})));
        assert_eq!(changed.await.1["language"], code);
        app.work().await;
        assert_eq!(by_words(&app, "haus").await, found, "{code}");
        assert_eq!(app.count("SELECT COUNT(*) FROM outdated_bases").await, 0);
    }
    let unknown = json!({"name": "more", "language": "klingon"});
    let (status, problem) = app
        .ask(json_request("ada", "POST /v1/knowledge-bases", &unknown))
        .await;
    assert_eq!(status, 422, "{problem}");
}

/// How many points the index finds by the words of a question alone.
async fn by_words(app: &TestApp, question: &str) -> usize {
    let bases = app.app.knowledge_bases(&caller("ada")).await.unwrap();
    let languages: Vec<_> = bases.iter().filter_map(|base| base.language).collect();
    let query = IndexQuery {
        dense: vec![],
        sparse: app.app.sparse.question(question, &languages),
        mode: Mode::Sparse,
        limit: 10,
    };
    let ids = bases.into_iter().map(|base| base.id).collect();
    let scope = caller("ada").scope().within(ids);
    let space = app.app.spaces.active();
    space
        .index()
        .unwrap()
        .search(query, &scope)
        .await
        .unwrap()
        .len()
}
