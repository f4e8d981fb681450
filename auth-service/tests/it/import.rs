//! Accounts of other systems, taken over line by line.

use auth_service::{
    cli::import::{Tally, import},
    domain::email::Email,
};
use axum::http::StatusCode;
use proto::claims::Role;

use crate::support::{TestApp, TestDatabase, json_request, on_both_engines};

/// Better Auth's hash of `correct horse battery`.
const SCRYPT: &str = "8f14e45fceea167a5a36dedd4bea2543:6468086c861650cb08d76b9340d5974b69e5c0afabd46ab9\
                      02061af56593f1b7c0cd9a6b7ae3f51b91623474bbae4627c94e4acbd77b395352b2273edb8af95c";

/// Passlib's.
const BCRYPT: &str = "$2b$04$dZLo6PkrfOviR1MS2o53G.RTYwRJiKgqmzzaYS7F2K8Cj8EZqk8nW";

const ADAS_ID: &str = "018bcfe5-6800-7000-8000-00000000ada0";

fn good_lines() -> Vec<u8> {
    format!(
        "\u{feff}{{\"id\": \"{ADAS_ID}\", \"email\": \"Ada@Example.com\", \"name\": \"Ada\", \
         \"username\": \"ada\", \"password_hash\": \"{SCRYPT}\", \"email_verified\": true, \
         \"image\": \"https://example.com/a.png\", \"role\": \"admin\", \
         \"created_at\": \"2024-02-29T12:00:00.5Z\", \"profile\": {{\"interestArea\": \"robots\"}}}}\n\
         \n\
         {{\"email\": \"bob@example.com\", \"passwordHash\": \"{BCRYPT}\", \"id\": \"9\"}}\r\n\
         {{\"email\": \"cy@example.com\", \"created_at\": null}}"
    )
    .into_bytes()
}

fn bad_lines() -> Vec<u8> {
    let lines = [
        r#"{"email": "no address"}"#.to_owned(),
        "{".to_owned(),
        r#"{"email": "d@example.com", "password": "hunter2"}"#.to_owned(),
        r#"{"email": "d@example.com", "password_hash": "5f4dcc3b5aa765d61d8327deb882cf99"}"#
            .to_owned(),
        r#"{"email": "d@example.com", "username": "ADA"}"#.to_owned(),
        format!(r#"{{"email": "d@example.com", "id": "{ADAS_ID}"}}"#),
        r#"{"email": "d@example.com", "role": "king"}"#.to_owned(),
        r#"{"email": "d@example.com", "profile": {"shoeSize": "43"}}"#.to_owned(),
        r#"{"email": "d@example.com", "profile": {"interestArea": "a\u0000b"}}"#.to_owned(),
        r#"{"email": "d@example.com", "created_at": "2999-01-01T00:00:00Z"}"#.to_owned(),
        r#"{"email": "d@example.com", "created_at": "yesterday"}"#.to_owned(),
        r#"{"email": "d@example.com", "image": "a\u0000b"}"#.to_owned(),
        r#"{"email": "d@example.com", "name": ""}"#.to_owned(),
        format!(
            r#"{{"email": "d@example.com", "name": "{}"}}"#,
            "n".repeat(70_000)
        ),
        r#"{"email": "ADA@example.com", "name": "Somebody else"}"#.to_owned(),
        r#"{"email": "eve@example.com"}"#.to_owned(),
    ];
    [lines.join("\n").as_bytes(), b"\n{\"email\": \"\xff\"}\n"].concat()
}

const COMPLAINTS: &str = "\
line 1: This is not an e-mail address; write it like name@example.com.
line 2: EOF while parsing an object at column 1
line 3: unknown field `password`, expected one of `id`, `email`, `name`, `username`, \
`passwordHash`, `password_hash`, `emailVerified`, `email_verified`, `image`, `role`, `createdAt`, \
`created_at`, `profile` at column 37
line 4: The password_hash is of no kind that can be verified, or costs too much to verify: the \
README tells which can be taken over.
line 5: There is an account with this user name already; choose another.
line 6: There is an account with this id already, under another address.
line 7: The role must be user or admin.
line 8: The profile has the field shoeSize, which USER_FIELDS lacks.
line 9: The field interestArea must be a text of at most 2000 characters.
line 10: The created_at must lie between 1970 and now.
line 11: created_at must look like 2026-11-01T12:00:00Z at column 53
line 12: The image must be a URL of at most 2048 bytes.
line 13: The name must have 1 to 200 characters and no control characters.
line 14: The line has more than 65536 bytes.
line 17: invalid unicode code point at column 12
";

async fn take(app: &TestApp, lines: &[u8]) -> (Tally, String) {
    let mut complaints = Vec::new();
    let tally = import(&app.app, lines, &mut complaints).await.unwrap();
    (tally, String::from_utf8(complaints).unwrap())
}

fn tally(added: u64, already_there: u64, bad: u64) -> Tally {
    Tally {
        added,
        already_there,
        bad,
    }
}

/// Every account and every line of the audit log.
async fn all_rows(app: &TestApp) -> Vec<(String, String, i64)> {
    sqlx::query_as(
        "SELECT email, COALESCE(password_hash, '') || name || role || profile, updated_at \
         FROM users UNION ALL SELECT act, COALESCE(target, ''), at FROM audit_log ORDER BY 1, 2",
    )
    .fetch_all(&app.database.pool)
    .await
    .unwrap()
}

async fn accounts_come_whole_and_only_once(home: TestDatabase) {
    let app = TestApp::on(home, &[]).await;
    let (first, complaints) = take(&app, &good_lines()).await;
    assert_eq!((first, complaints.as_str()), (tally(3, 0, 0), ""));
    let ada = Email::parse("ada@example.com").unwrap();
    let ada = app.app.users.by_email(&ada).await.unwrap().unwrap();
    let user = ada.user;
    assert_eq!((user.id.as_str(), user.name.as_str()), (ADAS_ID, "Ada"));
    assert_eq!(user.username.unwrap().as_str(), "ada");
    assert_eq!((user.role, user.email_verified), (Role::Admin, true));
    assert_eq!(user.image.as_deref(), Some("https://example.com/a.png"));
    assert_eq!(user.created_at, 1_709_208_000_500);
    assert_eq!(user.profile.get("interestArea"), Some("robots"));
    assert_eq!(ada.password_hash.as_deref(), Some(SCRYPT));
    let cy = Email::parse("cy@example.com").unwrap();
    let cy = app.app.users.by_email(&cy).await.unwrap().unwrap();
    assert_eq!((cy.user.name.as_str(), cy.password_hash), ("cy", None));

    let before = all_rows(&app).await;
    app.clock.advance(1);
    let (second, _) = take(&app, &good_lines()).await;
    assert_eq!(second, tally(0, 3, 0));
    assert_eq!(all_rows(&app).await, before);
    let imported = before.iter().filter(|(act, ..)| act == "account.imported");
    assert_eq!(imported.count(), 3);
}

async fn bad_lines_are_named_and_the_others_come(home: TestDatabase) {
    let app = TestApp::on(home, &[]).await;
    take(&app, &good_lines()).await;
    let (told, complaints) = take(&app, &bad_lines()).await;
    assert_eq!(complaints, COMPLAINTS);
    assert_eq!(told, tally(1, 1, 15));
    let ada = Email::parse("ada@example.com").unwrap();
    let ada = app.app.users.by_email(&ada).await.unwrap().unwrap();
    assert_eq!(ada.user.name.as_str(), "Ada");
}

async fn many_come_in_parts(home: TestDatabase) {
    let app = TestApp::on(home, &[]).await;
    let line = |number| format!("{{\"email\": \"user{number}@example.com\"}}\n");
    let lines: String = (0..1_203).map(line).collect();
    let again: String = (1_000..1_300).map(line).collect();
    assert_eq!(take(&app, lines.as_bytes()).await.0, tally(1_203, 0, 0));
    assert_eq!(take(&app, again.as_bytes()).await.0, tally(97, 203, 0));
    assert_eq!(take(&app, b"").await.0, Tally::default());
}

async fn who_was_imported_signs_in_with_the_old_password(home: TestDatabase) {
    let app = TestApp::on(home, &[]).await;
    take(&app, &good_lines()).await;
    let sign_in = |name: &str, password: &str| {
        let email = format!("{name}@example.com");
        let body = serde_json::json!({"email": email, "password": password});
        json_request("POST", "/v1/sessions", &body)
    };
    for name in ["ada", "bob"] {
        let (refused, _) = app.ask(sign_in(name, "wrong horse battery")).await;
        assert_eq!(refused, StatusCode::UNAUTHORIZED);
        for _ in 0..2 {
            let (status, body) = app.ask(sign_in(name, "correct horse battery")).await;
            assert_eq!(status, StatusCode::OK, "{body}");
            let email = Email::parse(&format!("{name}@example.com")).unwrap();
            let account = app.app.users.by_email(&email).await.unwrap().unwrap();
            let hash = account.password_hash.unwrap();
            assert!(
                hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
                "{hash}"
            );
        }
    }
    let (refused, _) = app.ask(sign_in("cy", "")).await;
    assert_eq!(refused, StatusCode::UNAUTHORIZED);
}

on_both_engines!(
    accounts_come_whole_and_only_once,
    bad_lines_are_named_and_the_others_come,
    many_come_in_parts,
    who_was_imported_signs_in_with_the_old_password,
);
