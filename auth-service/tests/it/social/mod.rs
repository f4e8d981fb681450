//! Sign-in with Google and GitHub, through the whole router, with stand-ins for
//! both at the level of HTTP.

mod accounts;
mod flows;
mod id_tokens;
mod linking;
mod refusals;

use serde_json::{Value, json};

use crate::support::{
    TestApp, TestDatabase,
    browser::{Answer, Browser},
    providers::Providers,
};

/// A service and the providers that it asks.
struct World {
    app: TestApp,
    providers: Providers,
}

impl World {
    async fn on(home: TestDatabase) -> Self {
        Self::with(home, &[]).await
    }

    async fn with(home: TestDatabase, more: &[(&str, &str)]) -> Self {
        let providers = Providers::start().await;
        let own = providers.settings();
        let own = own
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()));
        let mut settings: Vec<(&str, &str)> = own.collect();
        settings.push(("RATE_LIMIT_ENABLED", "false"));
        settings.extend(more);
        let app = TestApp::on(home, &settings).await;
        Self { app, providers }
    }

    fn browser(&self) -> Browser {
        Browser::new(&self.app.router)
    }

    /// Begins a flow, and gives the path that the browser comes back to.
    async fn begin(&self, browser: &mut Browser, provider: &str) -> String {
        let body = json!({
            "provider": provider,
            "callbackURL": "/dashboard",
            "errorCallbackURL": "/login-error",
            "newUserCallbackURL": "/welcome",
        });
        let answer = browser.post("/api/auth/sign-in/social", &body).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        self.way_back(provider, answer.body["url"].as_str().unwrap())
    }

    /// The person gives consent at `url`: where the browser comes back to.
    fn way_back(&self, provider: &str, url: &str) -> String {
        let (code, state) = self.providers.consent(url);
        format!("/api/auth/callback/{provider}?code={code}&state={state}")
    }

    /// Signs `person` in, all the way.
    async fn sign_in(&self, browser: &mut Browser, provider: &str, person: Value) -> Answer {
        self.providers.sign_in_as(person);
        let path = self.begin(browser, provider).await;
        let answer = browser.open(&path).await;
        assert_eq!(answer.status, 302, "{}", answer.body);
        answer
    }

    /// Links an account of `provider`, and gives where the browser ends up.
    async fn link(&self, browser: &mut Browser, provider: &str, person: Value) -> String {
        self.providers.sign_in_as(person);
        let body = json!({
            "provider": provider,
            "callbackURL": "/settings",
            "errorCallbackURL": "/link-error",
        });
        let answer = browser.post("/api/auth/link-social", &body).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        let path = self.way_back(provider, answer.body["url"].as_str().unwrap());
        browser.open(&path).await.location().to_owned()
    }

    /// The acts in the audit log about one account, in order.
    async fn acts(&self, user_id: &str) -> Vec<(String, Option<String>)> {
        sqlx::query_as("SELECT act, detail FROM audit_log WHERE target = $1 ORDER BY at, id")
            .bind(user_id)
            .fetch_all(&self.app.database.pool)
            .await
            .unwrap()
    }

    async fn count(&self, table: &str) -> i64 {
        let sql = sqlx::AssertSqlSafe(format!("SELECT COUNT(*) FROM {table}"));
        let (rows,): (i64,) = sqlx::query_as(sql)
            .fetch_one(&self.app.database.pool)
            .await
            .unwrap();
        rows
    }

    async fn run(&self, statement: &'static str) {
        sqlx::query(statement)
            .execute(&self.app.database.pool)
            .await
            .unwrap();
    }

    /// Signs someone up with a password, who has shown the address to be theirs
    /// or has not.
    async fn with_password(&self, name: &str, verified: bool) -> String {
        let session = self.app.sign_up(name).await;
        let id = session["user"]["id"].as_str().unwrap().to_owned();
        sqlx::query("UPDATE users SET email_verified = $1 WHERE id = $2")
            .bind(i64::from(verified))
            .bind(&id)
            .execute(&self.app.database.pool)
            .await
            .unwrap();
        id
    }
}

/// Who the browser is signed in as.
async fn me(browser: &mut Browser) -> Value {
    browser.open("/api/auth/get-session").await.body
}

/// The ways to sign in of whom the browser is signed in as.
async fn methods(browser: &mut Browser) -> Vec<Value> {
    let answer = browser.open("/api/auth/list-accounts").await;
    answer.body.as_array().unwrap().clone()
}

/// Someone with an account at Google.
fn gina() -> Value {
    json!({
        "sub": "g-1",
        "email": "Gina@Example.com",
        "email_verified": true,
        "name": "Gina Google",
        "picture": "https://example.com/g.png",
    })
}

/// Someone with an account at GitHub, who shows neither name nor address.
fn octo() -> Value {
    json!({
        "user": {
            "id": 4_290_978,
            "login": "octo",
            "name": null,
            "email": null,
            "avatar_url": "https://example.com/o.png",
        },
        "emails": [
            { "email": "other@example.com", "primary": false, "verified": true },
            { "email": "octo@example.com", "primary": true, "verified": true },
        ],
    })
}

/// Gina at GitHub, with the same address.
fn gina_at_github() -> Value {
    let mut person = octo();
    person["emails"] = json!([{ "email": "gina@example.com", "primary": true, "verified": true }]);
    person
}
