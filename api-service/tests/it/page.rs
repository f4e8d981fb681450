//! The page and its files, as browsers and caches are told them.

use axum::{
    body::Body,
    http::{HeaderMap, Request, StatusCode},
};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::support::TestApp;

async fn get(
    app: &TestApp,
    path: &str,
    headers: &[(&str, &str)],
) -> (StatusCode, HeaderMap, Vec<u8>) {
    let mut request = Request::get(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Body::empty()).unwrap();
    let answer = app.router.clone().oneshot(request).await.unwrap();
    let (status, headers) = (answer.status(), answer.headers().clone());
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    (status, headers, body.to_vec())
}

/// The page, and the address of a script as it names it.
async fn page_and_script(app: &TestApp) -> (HeaderMap, String, String) {
    let (status, headers, page) = get(app, "/", &[("accept", "text/html,*/*;q=0.8")]).await;
    assert_eq!(status, StatusCode::OK);
    let page = String::from_utf8(page).unwrap();
    let (_, script) = page.split_once("<script type=\"module\" src=\"").unwrap();
    let script = format!("/{}", script.split('"').next().unwrap());
    (headers, page, script)
}

#[tokio::test]
async fn browsers_get_the_page_and_programs_what_this_is() {
    let app = TestApp::sqlite().await;
    let (headers, page, _) = page_and_script(&app).await;
    assert_eq!(headers["content-type"], "text/html; charset=utf-8");
    assert_eq!(
        headers["content-security-policy"],
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
         connect-src 'self' https://auth.example.com; base-uri 'none'; form-action 'self'; \
         frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types dompurify"
    );
    for (name, value) in [
        ("cache-control", "no-cache"),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "same-origin"),
        ("cross-origin-opener-policy", "same-origin"),
        (
            "permissions-policy",
            "camera=(), geolocation=(), microphone=()",
        ),
    ] {
        assert_eq!(headers[name], value, "{name}");
    }
    // What the policy would not let run is not there.
    for inline in ["<style", "style=", "onclick", "javascript:", "{{"] {
        assert!(!page.contains(inline), "{inline}");
    }
    assert_eq!(page.matches("<script").count(), 1);

    let (status, headers, body) = get(&app, "/", &[("accept", "*/*")]).await;
    assert_eq!(
        (status, &headers["vary"]),
        (StatusCode::OK, &"accept".parse().unwrap())
    );
    let told: Value = serde_json::from_slice(&body).unwrap();
    let version = env!("CARGO_PKG_VERSION");
    let expected = json!({
        "name": "Lectern api-service", "version": version, "docs": "/docs", "health": "/health",
    });
    assert_eq!(told, expected);
}

#[tokio::test]
async fn a_file_is_kept_by_its_version_and_asked_for_anew_without() {
    let app = TestApp::sqlite().await;
    let (_, page, script) = page_and_script(&app).await;
    let (status, headers, plain) = get(&app, &script, &[]).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(headers["content-type"], "text/javascript; charset=utf-8");
    assert_eq!(headers["x-content-type-options"], "nosniff");
    let immutable = "public, max-age=31536000, immutable";
    assert_eq!(headers["cache-control"], immutable);
    assert_eq!(headers["vary"], "accept-encoding");

    let etag = headers["etag"].to_str().unwrap().to_owned();
    for known in [&etag[..], &format!("\"other\", {etag}")] {
        let (status, headers, body) = get(&app, &script, &[("if-none-match", known)]).await;
        assert_eq!((status, body.len()), (StatusCode::NOT_MODIFIED, 0));
        assert_eq!(headers["etag"], etag.as_str());
    }
    let packed = [("accept-encoding", "br, gzip;q=0.9")];
    let (status, headers, packed) = get(&app, &script, &packed).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(headers["content-encoding"], "gzip");
    assert!(packed.len() < plain.len() && packed.starts_with(&[0x1f, 0x8b]));

    let version = script.split('/').nth(2).unwrap();
    for address in page.split('"').filter(|text| text.starts_with("web/")) {
        let (status, headers, _) = get(&app, &format!("/{address}"), &[]).await;
        assert_eq!(status, StatusCode::OK, "{address}");
        assert_eq!(headers["cache-control"], immutable, "{address}");
    }
    let unversioned = script.replace(&format!("{version}/"), "");
    let (status, headers, body) = get(&app, &unversioned, &[]).await;
    assert_eq!((status, body), (StatusCode::OK, plain));
    assert_eq!(headers["cache-control"], "no-cache");
}

#[tokio::test]
async fn only_files_of_the_page_are_served() {
    let app = TestApp::sqlite().await;
    for path in [
        "/web",
        "/web/",
        "/web/index.html",
        "/web/page",
        "/web/page/none.js",
        "/web/0000000000000000/page/main.js",
        "/web/../Cargo.toml",
        "/web/%2e%2e/Cargo.toml",
        "/web/page/%2e%2e/%2e%2e/Cargo.toml",
        "/web/vendor/README.md",
    ] {
        let (status, headers, _) = get(&app, path, &[("accept", "text/html")]).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{path}");
        assert_eq!(
            headers["content-type"], "application/problem+json",
            "{path}"
        );
    }
}

#[tokio::test]
async fn the_page_is_told_where_people_sign_in() {
    let app = TestApp::sqlite().await;
    let (status, _, body) = get(&app, "/v1/settings", &[]).await;
    assert_eq!(status, StatusCode::OK);
    let told: Value = serde_json::from_slice(&body).unwrap();
    let expected = json!({
        "auth_url": "https://auth.example.com", "max_upload_bytes": crate::support::MAX_BODY,
    });
    assert_eq!(told, expected);
}
