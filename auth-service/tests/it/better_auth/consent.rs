//! What the recording of the flows with Google and GitHub leaves out: how they
//! began, and who gave consent.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use url::Url;

use super::{golden::Exchange, replay::Replay};
use crate::support::{json_request, read};

/// The length of a flow's name. Shorter ones were made up.
const STATE_LENGTH: usize = 32;

impl Replay {
    /// Begins the flow of a browser that comes back, unless the recording
    /// shows how it began, and has a person give consent.
    pub async fn come_back(&mut self, exchange: &Exchange) {
        let path = exchange.request.path.as_str();
        let Some((_, rest)) = path.split_once("/api/auth/callback/") else {
            return;
        };
        let brought = query(&format!("http://localhost{path}"));
        let Some(state) = brought
            .get("state")
            .filter(|state| state.len() == STATE_LENGTH)
        else {
            return;
        };
        if !self.flows.contains_key(state) {
            let is_known = rest.starts_with("github");
            let provider = if is_known { "github" } else { "google" };
            let url = self.begin(exchange, provider).await;
            self.note(state, &query(&url)["state"]);
            self.flows.insert(state.clone(), url);
        }
        let code = brought.get("code").filter(|code| code.starts_with("code-"));
        if let Some(code) = code {
            self.providers.sign_in_as(person(&exchange.name));
            let (ours, _) = self.providers.consent(&self.flows[state]);
            self.note(code, &ours);
        }
    }

    /// Begins a flow to sign in, or to link where the browser is signed in:
    /// gives where it is sent.
    async fn begin(&mut self, exchange: &Exchange, provider: &str) -> String {
        let sent = exchange.request.headers.get("cookie");
        let mut cookies = sent.map_or("", String::as_str).split("; ");
        let session = cookies.find(|cookie| cookie.contains("session_token"));
        let body = match session {
            Some(_) => json!({
                "provider": provider,
                "callbackURL": "/settings",
                "errorCallbackURL": "/link-error",
            }),
            None => json!({
                "provider": provider,
                "callbackURL": "/dashboard",
                "errorCallbackURL": "/login-error",
                "newUserCallbackURL": "/welcome",
            }),
        };
        let path = session.map_or("/api/auth/sign-in/social", |_| "/api/auth/link-social");
        let mut request = json_request("POST", path, &body);
        if let Some(session) = session {
            self.sign_cookies(session);
            let headers = request.headers_mut();
            headers.insert("cookie", self.replaced(session).parse().unwrap());
            headers.insert("origin", "http://localhost:3000".parse().unwrap());
        }
        let (_, begun) = read(self.send(request).await).await;
        begun["url"]
            .as_str()
            .unwrap_or_else(|| panic!("{begun}"))
            .to_owned()
    }

    /// Notes what is random in the URL of a flow that has begun.
    pub fn learn_flow(&mut self, recorded: &Value, ours: &Value) {
        if let (Some(recorded), Some(ours)) = (recorded["url"].as_str(), ours["url"].as_str())
            && recorded.contains("code_challenge=")
        {
            let (theirs, found) = (query(recorded), query(ours));
            for name in ["state", "code_challenge"] {
                self.note(&theirs[name], found.get(name).map_or("", String::as_str));
            }
            self.flows.insert(theirs["state"].clone(), ours.to_owned());
        }
    }
}

fn query(url: &str) -> BTreeMap<String, String> {
    let url = Url::parse(url).unwrap();
    url.query_pairs().into_owned().collect()
}

/// Who gives consent before the browser comes back.
fn person(exchange: &str) -> Value {
    let at_google = |sub: &str, email: &str| {
        json!({
            "sub": sub,
            "email": email,
            "email_verified": true,
            "name": "Gina Google",
            "picture": "https://example.com/p.png",
        })
    };
    let at_github = |id: u32, emails: Value| {
        let (login, picture) = ("octo", "https://example.com/o.png");
        let user =
            json!({ "id": id, "login": login, "name": null, "email": null, "avatar_url": picture });
        json!({ "user": user, "emails": emails })
    };
    let address = |email: &str| json!([{ "email": email, "primary": true, "verified": true }]);
    match exchange {
        "e-mail belongs to an unverified password user: not linked" => {
            at_google("g-0", "password@example.com")
        }
        "github success, new user (name from login, e-mail from /user/emails)" => {
            at_github(1, address("h.c641960f@example.com"))
        }
        "github without any e-mail" => at_github(2, json!([])),
        "link callback ok" => at_github(4_290_978, address("g.94e2db6a@example.com")),
        "link with a different e-mail" => at_google("g-1", "other@example.com"),
        "link an account owned by another user" => {
            at_google("g-61d1b406", "h.c641960f@example.com")
        }
        _ => at_google("g-61d1b406", "g.94e2db6a@example.com"),
    }
}
