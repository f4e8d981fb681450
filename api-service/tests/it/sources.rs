//! Sources: what they bring, keep up to date and take away again.

use std::{fs, io::Write, path::Path, process::Command};

use axum::http::StatusCode;
use flate2::{Compression, write::GzEncoder};
use serde_json::{Value, json};
use wiremock::ResponseTemplate;

use crate::support::{
    Parts, TestApp, TestHome, json_request, plain_request,
    web::{Site, guard, plain, redirect},
};

/// A service that may fetch from this machine.
async fn app_on(home: TestHome) -> TestApp {
    let parts = Parts {
        guard: Some(guard(&["127.0.0.1/32"])),
        ..Parts::default()
    };
    TestApp::with(home, parts).await
}

async fn create(app: &TestApp, name: &str, body: &Value) -> Value {
    let (status, source) = app.ask(json_request(name, "POST /v1/sources", body)).await;
    assert_eq!(status, StatusCode::CREATED, "{source}");
    source
}

async fn look(app: &TestApp, name: &str, source: &Value) -> Value {
    let line = format!("GET /v1/sources/{}", source["id"].as_str().unwrap());
    let (status, source) = app.ask(plain_request(name, &line)).await;
    assert_eq!(status, StatusCode::OK, "{source}");
    source
}

/// Syncs a source and makes what came searchable; gives what the sync came to.
async fn sync(app: &TestApp, name: &str, source: &Value) -> Value {
    let line = format!("POST /v1/sources/{}/sync", source["id"].as_str().unwrap());
    let (status, body) = app.ask(plain_request(name, &line)).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{body}");
    assert!(app.app.sync_once("syncer").await);
    app.work().await;
    look(app, name, source).await["last_sync"].clone()
}

/// A sync's numbers: created, updated, unchanged, removed, refused.
fn numbers(sync: &Value) -> [u64; 5] {
    [
        "created",
        "updated",
        "unchanged",
        "removed",
        "refused_count",
    ]
    .map(|name| sync[name].as_u64().unwrap_or_else(|| panic!("{sync:#}")))
}

fn refused(sync: &Value) -> Vec<(&str, &str)> {
    let refused = sync["refused"].as_array().unwrap().iter();
    let pairs = refused.map(|page| {
        (
            page["url"].as_str().unwrap(),
            page["code"].as_str().unwrap(),
        )
    });
    pairs.collect()
}

#[tokio::test]
async fn pages_come_change_and_go() {
    for home in [TestHome::sqlite(), TestHome::postgres().await] {
        let app = app_on(home).await;
        let site = Site::start().await;
        site.page("/tea", "Tea is brewed for three minutes.");
        site.page("/coffee", "Coffee is brewed for four minutes.");
        let urls = [site.url("/tea"), site.url("/coffee#how")];
        let source = create(&app, "ada", &json!({"kind": "urls", "urls": urls})).await;
        assert_eq!(numbers(&sync(&app, "ada", &source).await), [2, 0, 0, 0, 0]);
        let found = app.find("ada", "brewed tea").await;
        assert!(found[0].contains("three minutes"), "{found:?}");
        assert_eq!(site.asked(), ["/tea", "/coffee"]);

        // Nothing changed: nothing is fetched again.
        assert_eq!(numbers(&sync(&app, "ada", &source).await), [0, 0, 2, 0, 0]);
        assert_eq!(site.asked(), ["/tea?", "/coffee?"]);

        // One changed; the other one is out of order for a while, and stays.
        site.page("/tea", "Tea is brewed for five minutes.");
        site.set("/coffee", ResponseTemplate::new(503));
        let synced = sync(&app, "ada", &source).await;
        assert_eq!(numbers(&synced), [0, 1, 0, 0, 1]);
        assert_eq!(
            refused(&synced),
            [(site.url("/coffee").as_str(), "bad_status")]
        );
        let found = app.find("ada", "brewed").await.join(" ");
        assert!(found.contains("five") && found.contains("four"), "{found}");
        assert!(!found.contains("three"), "{found}");

        // It is gone for good.
        site.remove("/coffee");
        let synced = sync(&app, "ada", &source).await;
        assert_eq!(numbers(&synced), [0, 0, 1, 1, 1]);
        assert_eq!(
            refused(&synced),
            [(site.url("/coffee").as_str(), "page_not_found")]
        );
        assert!(!app.find("ada", "coffee").await.join(" ").contains("Coffee"));
        assert_eq!(app.count("SELECT COUNT(*) FROM documents").await, 1);
        assert!(app.app.check_index().await.unwrap().agrees());
    }
}

/// A document that was deleted by hand, or that could not be read, comes again.
#[tokio::test]
async fn what_is_missing_comes_again_although_its_page_did_not_change() {
    let app = app_on(TestHome::sqlite()).await;
    let site = Site::start().await;
    site.page("/tea", "Tea is brewed for three minutes.");
    let body = json!({"kind": "urls", "urls": [site.url("/tea")]});
    let source = create(&app, "ada", &body).await;
    sync(&app, "ada", &source).await;
    let (_, list) = app.ask(plain_request("ada", "GET /v1/documents")).await;
    let document = &list["documents"][0];
    assert_eq!(document["external_id"], site.url("/tea"));
    assert_eq!(document["path"], site.url("/tea"));
    let line = format!("DELETE /v1/documents/{}", document["id"].as_str().unwrap());
    app.ask(plain_request("ada", &line)).await;
    assert_eq!(numbers(&sync(&app, "ada", &source).await), [1, 0, 0, 0, 0]);
    assert_eq!(app.find("ada", "tea").await.len(), 1);
}

#[tokio::test]
async fn what_a_source_no_longer_names_goes_and_so_does_all_with_the_source() {
    for home in [TestHome::sqlite(), TestHome::postgres().await] {
        let app = app_on(home).await;
        let site = Site::start().await;
        for path in ["/docs/a", "/docs/b", "/blog/c"] {
            site.page(path, &format!("The page {path} is about tea."));
        }
        let urls = ["/docs/a", "/docs/b", "/blog/c"].map(|path| site.url(path));
        let source = create(&app, "ada", &json!({"kind": "urls", "urls": urls})).await;
        let other = json!({"kind": "urls", "urls": [site.url("/docs/a")]});
        let other = create(&app, "ada", &other).await;
        assert_eq!(numbers(&sync(&app, "ada", &source).await), [3, 0, 0, 0, 0]);
        assert_eq!(numbers(&sync(&app, "ada", &other).await), [0, 0, 1, 0, 0]);

        let line = format!("PATCH /v1/sources/{}", source["id"].as_str().unwrap());
        let change = json!({"include": ["/docs/**"], "every_seconds": 300});
        let (status, changed) = app.ask(json_request("ada", &line, &change)).await;
        assert_eq!(status, StatusCode::OK, "{changed}");
        assert_eq!(numbers(&sync(&app, "ada", &source).await), [0, 0, 2, 1, 0]);

        // The other source still brings the one page.
        let line = format!("DELETE /v1/sources/{}", source["id"].as_str().unwrap());
        assert_eq!(
            app.ask(plain_request("ada", &line)).await.0,
            StatusCode::NO_CONTENT
        );
        assert_eq!(
            app.find("ada", "tea").await,
            ["The page /docs/a is about tea."]
        );
        let line = format!("DELETE /v1/sources/{}", other["id"].as_str().unwrap());
        assert_eq!(
            app.ask(plain_request("ada", &line)).await.0,
            StatusCode::NO_CONTENT
        );
        assert_eq!(app.find("ada", "tea").await, [""; 0]);
        app.work().await;
        assert!(app.app.check_index().await.unwrap().agrees());
        assert_eq!(app.count("SELECT COUNT(*) FROM source_pages").await, 0);
    }
}

/// What somebody put there by hand is not taken away, and no other base's.
#[tokio::test]
async fn only_what_a_source_brought_goes_with_it() {
    let app = app_on(TestHome::sqlite()).await;
    let site = Site::start().await;
    site.set("/tea", plain("Tea is brewed."));
    let own = json!({"text": "Tea is brewed.", "external_id": site.url("/tea"), "path": site.url("/tea"), "media_type": "text/plain"});
    app.add("ada", &own).await;
    app.add("ben", &own).await;
    let body = json!({"kind": "urls", "urls": [site.url("/tea")]});
    let source = create(&app, "ada", &body).await;
    assert_eq!(numbers(&sync(&app, "ada", &source).await), [0, 0, 1, 0, 0]);
    let line = format!("DELETE /v1/sources/{}", source["id"].as_str().unwrap());
    app.ask(plain_request("ada", &line)).await;
    assert_eq!(app.count("SELECT COUNT(*) FROM documents").await, 2);
}

#[tokio::test]
async fn pages_that_can_not_be_taken_in_are_told_one_by_one() {
    let app = app_on(TestHome::sqlite()).await;
    let site = Site::start().await;
    site.set("/robots.txt", plain("User-agent: *\nDisallow: /private\n"));
    site.set(
        "/picture",
        ResponseTemplate::new(200).set_body_raw(vec![0xff; 9], "image/png"),
    );
    site.set("/large", plain(&"a".repeat(crate::support::MAX_BODY + 1)));
    site.set("/away", redirect("http://10.0.0.1/"));
    site.page("/private", "secret");
    site.page("/good", "Tea is brewed.");
    let paths = ["/picture", "/large", "/away", "/private", "/good"];
    let mut urls: Vec<_> = paths.iter().map(|path| site.url(path)).collect();
    urls.push("http://192.168.0.1/".to_owned());
    let source = create(&app, "ada", &json!({"kind": "urls", "urls": urls})).await;
    let synced = sync(&app, "ada", &source).await;
    assert_eq!(numbers(&synced), [1, 0, 0, 0, 5]);
    let codes: Vec<_> = refused(&synced).into_iter().map(|(_, code)| code).collect();
    let expected = [
        "unsupported_format",
        "too_large",
        "address_not_allowed",
        "robots_disallowed",
        "address_not_allowed",
    ];
    assert_eq!(codes, expected);
    assert_eq!(look(&app, "ada", &source).await["state"], "idle");
}

fn sitemap(site: &Site, pages: &[(&str, &str)]) -> String {
    let pages = pages.iter().map(|(path, lastmod)| {
        let address = site.url(path);
        format!("<url><loc>{address}</loc><lastmod>{lastmod}</lastmod></url>")
    });
    let pages: String = pages.collect();
    format!("<urlset xmlns='http://www.sitemaps.org/schemas/sitemap/0.9'>{pages}</urlset>")
}

fn gzip(text: &str) -> ResponseTemplate {
    let mut encoder = GzEncoder::new(vec![], Compression::best());
    encoder.write_all(text.as_bytes()).unwrap();
    let packed = encoder.finish().unwrap();
    ResponseTemplate::new(200).set_body_raw(packed, "application/gzip")
}

#[tokio::test]
async fn a_sitemap_brings_what_it_lists_and_tells_what_changed() {
    for home in [TestHome::sqlite(), TestHome::postgres().await] {
        let app = app_on(home).await;
        let site = Site::start().await;
        for path in ["/docs/a", "/docs/b", "/blog/c"] {
            site.page(path, &format!("The page {path} is about tea."));
        }
        let first = [
            ("/docs/a", "2026-01-01"),
            ("/docs/b", "2026-01-01"),
            ("/blog/c", "2026"),
        ];
        site.set("/sitemap.xml", plain(&sitemap(&site, &first)));
        let body = json!({
            "kind": "sitemap",
            "urls": [site.url("/sitemap.xml")],
            "exclude": ["blog/**"],
        });
        let source = create(&app, "ada", &body).await;
        assert_eq!(numbers(&sync(&app, "ada", &source).await), [2, 0, 0, 0, 0]);
        assert_eq!(site.asked(), ["/sitemap.xml", "/docs/a", "/docs/b"]);

        // Only what has another date is asked for.
        site.page("/docs/b", "The page /docs/b is about cocoa.");
        let second = [("/docs/a", "2026-01-01"), ("/docs/b", "2026-01-02")];
        site.set("/sitemap.xml", gzip(&sitemap(&site, &second)));
        assert_eq!(numbers(&sync(&app, "ada", &source).await), [0, 1, 1, 0, 0]);
        assert_eq!(site.asked(), ["/sitemap.xml", "/docs/b?"]);

        // A sitemap that can't be had takes nothing away.
        site.set("/sitemap.xml", plain("<html>Sorry</html>"));
        let failed = sync(&app, "ada", &source).await;
        assert_eq!(failed["error_code"], "not_a_sitemap");
        assert_eq!(numbers(&failed), [0, 0, 0, 0, 0]);
        assert_eq!(look(&app, "ada", &source).await["state"], "failed");
        site.remove("/sitemap.xml");
        assert_eq!(
            sync(&app, "ada", &source).await["error_code"],
            "page_not_found"
        );
        assert_eq!(app.count("SELECT COUNT(*) FROM documents").await, 2);

        // What left it goes.
        site.set("/sitemap.xml", plain(&sitemap(&site, &second[..1])));
        assert_eq!(numbers(&sync(&app, "ada", &source).await), [0, 0, 1, 1, 0]);
        assert_eq!(
            app.find("ada", "page").await,
            ["The page /docs/a is about tea."]
        );
    }
}

#[tokio::test]
async fn an_index_of_sitemaps_is_read_as_a_whole_or_takes_nothing_away() {
    let app = app_on(TestHome::sqlite()).await;
    let site = Site::start().await;
    for path in ["/a", "/b"] {
        site.page(path, &format!("The page {path} is about tea."));
    }
    let index = |names: &[String]| {
        let names = names
            .iter()
            .map(|name| format!("<sitemap><loc>{name}</loc></sitemap>"));
        plain(&format!(
            "<sitemapindex>{}</sitemapindex>",
            names.collect::<String>()
        ))
    };
    let names = [site.url("/1.xml"), site.url("/2.xml.gz")];
    site.set("/sitemap.xml", index(&names));
    site.set("/1.xml", plain(&sitemap(&site, &[("/a", "2026")])));
    site.set(
        "/2.xml.gz",
        gzip(&sitemap(&site, &[("/b", "2026"), ("/a", "2026")])),
    );
    let body = json!({"kind": "sitemap", "urls": [site.url("/sitemap.xml")]});
    let source = create(&app, "ada", &body).await;
    assert_eq!(numbers(&sync(&app, "ada", &source).await), [2, 0, 0, 0, 0]);

    site.set("/2.xml.gz", ResponseTemplate::new(503));
    let synced = sync(&app, "ada", &source).await;
    assert_eq!(numbers(&synced), [0, 0, 1, 0, 1]);
    assert_eq!(refused(&synced), [(names[1].as_str(), "bad_status")]);

    // Neither deeper nor elsewhere.
    site.set("/2.xml.gz", index(&names));
    let elsewhere = [
        names[1].clone(),
        "https://other.example/sitemap.xml".to_owned(),
    ];
    site.set("/sitemap.xml", index(&elsewhere));
    let synced = sync(&app, "ada", &source).await;
    let codes: Vec<_> = refused(&synced).into_iter().map(|(_, code)| code).collect();
    assert_eq!(codes, ["sitemap_too_deep", "other_host"]);
    assert_eq!(app.count("SELECT COUNT(*) FROM documents").await, 2);

    let pages = "<urlset><url><loc>https://other.example/a</loc></url></urlset>";
    site.set("/sitemap.xml", plain(pages));
    let synced = sync(&app, "ada", &source).await;
    assert_eq!(
        refused(&synced),
        [("https://other.example/a", "other_host")]
    );
}

#[tokio::test]
async fn sources_are_synced_when_they_are_due_and_in_turns() {
    let app = app_on(TestHome::sqlite()).await;
    let site = Site::start().await;
    site.page("/tea", "Tea is brewed.");
    let body = json!({"kind": "urls", "urls": [site.url("/tea")], "every_seconds": 300});
    let source = create(&app, "ada", &body).await;
    assert_eq!(source["state"], "idle");
    assert_eq!(source["next_sync_at"], "2026-11-01T12:00:00.123Z");
    assert_eq!(source["last_sync"], Value::Null);
    assert!(app.app.sync_once("syncer").await);
    assert!(!app.app.sync_once("syncer").await);
    let synced = look(&app, "ada", &source).await;
    assert_eq!(synced["next_sync_at"], "2026-11-01T12:05:00.123Z");
    app.home.clock.advance(299_999);
    assert!(!app.app.sync_once("syncer").await);
    app.home.clock.advance(1);
    assert!(app.app.sync_once("syncer").await);
    assert_eq!(site.asked(), ["/tea", "/tea?"]);
}

fn git(folder: &Path, arguments: &[&str]) {
    let done = Command::new("git")
        .args(["-c", "user.name=Ada", "-c", "user.email=ada@example.com"])
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap();
    assert!(
        done.status.success(),
        "{}",
        String::from_utf8_lossy(&done.stderr)
    );
}

fn commit(folder: &Path) {
    git(folder, &["add", "--all"]);
    git(folder, &["commit", "--quiet", "--message", "next"]);
}

#[tokio::test]
async fn a_repository_brings_the_files_that_changed() {
    for home in [TestHome::sqlite(), TestHome::postgres().await] {
        let app = app_on(home).await;
        let folder = tempfile::tempdir().unwrap();
        let repository = folder.path();
        git(repository, &["init", "--quiet", "--initial-branch=trunk"]);
        fs::create_dir(repository.join("docs")).unwrap();
        for name in ["a", "b"] {
            let text = format!("The file {name} is about tea.");
            fs::write(repository.join(format!("docs/{name}.md")), text).unwrap();
        }
        fs::write(repository.join("notes.md"), "Notes about tea.").unwrap();
        fs::write(repository.join("logo.png"), [0xff; 9]).unwrap();
        std::os::unix::fs::symlink("/etc/passwd", repository.join("docs/c.md")).unwrap();
        commit(repository);
        let body = json!({
            "kind": "git",
            "urls": [repository.to_str().unwrap()],
            "include": ["docs/**"],
        });
        let (status, problem) = app
            .ask(json_request("ada", "POST /v1/sources", &body))
            .await;
        assert_eq!(
            (status.as_u16(), problem["code"].as_str()),
            (422, Some("invalid_source"))
        );
        let admin = crate::support::caller("admin");
        app.app.public_base(&admin, "book").await.unwrap();
        let mut public = body.clone();
        public["knowledge_base"] = "book".into();
        let source = create(&app, "admin", &public).await;
        let first = sync(&app, "admin", &source).await;
        assert_eq!(numbers(&first), [2, 0, 0, 0, 0], "{first:#}");
        assert_eq!(app.find("ada", "tea").await.len(), 2);
        assert_eq!(
            numbers(&sync(&app, "admin", &source).await),
            [0, 0, 2, 0, 0]
        );

        fs::write(repository.join("docs/a.md"), "The file a is about cocoa.").unwrap();
        fs::remove_file(repository.join("docs/b.md")).unwrap();
        commit(repository);
        assert_eq!(
            numbers(&sync(&app, "admin", &source).await),
            [0, 1, 0, 1, 0]
        );
        assert_eq!(
            app.find("ada", "file").await,
            ["The file a is about cocoa."]
        );

        // History that was written anew is no other than new commits are.
        git(
            repository,
            &["commit", "--quiet", "--amend", "--message", "anew"],
        );
        assert_eq!(
            numbers(&sync(&app, "admin", &source).await),
            [0, 0, 1, 0, 0]
        );
        let sources = app.home.folder.path().join("sources");
        assert_eq!(fs::read_dir(&sources).unwrap().count(), 1);

        // A repository that is gone takes nothing away.
        let away = folder.path().with_extension("away");
        fs::rename(repository, &away).unwrap();
        let failed = sync(&app, "admin", &source).await;
        assert_eq!(failed["error_code"], "git_failed");
        assert_eq!(app.find("ada", "file").await.len(), 1);
        fs::rename(&away, repository).unwrap();

        let line = format!("DELETE /v1/sources/{}", source["id"].as_str().unwrap());
        assert_eq!(
            app.ask(plain_request("admin", &line)).await.0,
            StatusCode::NO_CONTENT
        );
        assert_eq!(app.find("ada", "file").await, [""; 0]);
        assert_eq!(fs::read_dir(&sources).unwrap().count(), 0);
    }
}

#[tokio::test]
async fn a_repository_at_a_private_address_is_refused() {
    let app = app_on(TestHome::sqlite()).await;
    for address in [
        "https://127.0.0.2/a.git",
        "https://[::1]/a.git",
        "https://10.0.0.1:8443/a",
    ] {
        let source = create(&app, "ada", &json!({"kind": "git", "urls": [address]})).await;
        let failed = sync(&app, "ada", &source).await;
        assert_eq!(failed["error_code"], "address_not_allowed", "{address}");
    }
}
