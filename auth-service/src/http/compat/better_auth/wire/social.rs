//! Bodies about providers and the accounts there.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::{
    super::{
        body::{Fields, FromFields, Params},
        error::BetterAuthError,
        social::own,
    },
    rfc_3339,
};
use crate::{
    app::{
        App,
        social::{
            accounts::SignInMethod,
            begin::Begin,
            callback::Callback,
            ports::{ProviderTokens, Told},
            sign_in::IdTokenSignIn,
        },
    },
    domain::provider::LinkedAccount,
};

/// The parameters of an authorization request that are not the caller's.
const RESERVED: [&str; 8] = [
    "state",
    "client_id",
    "redirect_uri",
    "response_type",
    "code_challenge",
    "code_challenge_method",
    "nonce",
    "scope",
];

/// The body of `POST /sign-in/social` and of `POST /link-social`.
pub struct SocialBody {
    /// The flow that is wanted.
    pub begin: Begin,
    /// What is shown instead of a flow.
    pub id_token: Option<IdTokenSignIn>,
    /// Whether the client is to send the browser off by itself.
    pub redirect: bool,
}

impl FromFields for SocialBody {
    fn read(fields: &mut Fields, app: &App) -> Result<Self, BetterAuthError> {
        let url = |url: Option<String>| url.filter(|url| !url.is_empty());
        let callback_url = url(fields.optional_text("callbackURL"));
        let new_user_url = url(fields.optional_text("newUserCallbackURL"));
        let error_url = url(fields.optional_text("errorCallbackURL"));
        let provider = fields.any_text("provider");
        let redirect = !fields.flag("disableRedirect").unwrap_or(false);
        let id_token = fields.object("idToken", read_id_token);
        let scopes = fields.texts_in("scopes");
        let wants_account = fields.flag("requestSignUp").unwrap_or(false);
        let login_hint = fields.optional_text("loginHint");
        let extra = fields.record("additionalParams");
        if extra
            .iter()
            .any(|(name, _)| RESERVED.contains(&name.as_str()))
        {
            let problem = "additionalParams cannot include reserved OAuth parameters: ";
            fields.wrong(
                "additionalParams",
                &(problem.to_owned() + &RESERVED.join(", ")),
            );
        }
        let id_token = id_token.map(|shown| IdTokenSignIn {
            provider: provider.clone(),
            wants_account,
            callback_url: callback_url.clone(),
            ..shown
        });
        let home = || app.policy.public_url.origin().ascii_serialization();
        let begin = Begin {
            redirect_uri: own(app, &["callback", &provider]),
            callback_url: callback_url.unwrap_or_else(home),
            provider,
            new_user_url,
            error_url,
            wants_account,
            scopes,
            login_hint,
            extra,
        };
        Ok(Self {
            begin,
            id_token,
            redirect,
        })
    }
}

fn read_id_token(fields: &mut Fields) -> IdTokenSignIn {
    IdTokenSignIn {
        token: fields.text("token"),
        nonce: fields.optional_text("nonce"),
        access_token: fields.optional_text("accessToken"),
        refresh_token: fields.optional_text("refreshToken"),
        ..IdTokenSignIn::default()
    }
}

/// What a browser brings back in its query, with the flow that its cookie names.
pub fn callback_of(provider: String, params: &Params, pinned: Option<String>) -> Callback {
    let value = |name: &str| params.get(name).map(str::to_owned);
    Callback {
        provider,
        state: value("state"),
        code: value("code"),
        error: value("error"),
        error_description: value("error_description"),
        issuer: value("iss"),
        pinned,
    }
}

/// What a flow that has begun answers.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "BetterAuthBegun")]
pub struct BegunBody {
    /// Where the browser goes.
    pub url: String,
    /// Whether the client is to send it there.
    pub redirect: bool,
}

/// What a link by id token answers.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "BetterAuthLinked")]
pub struct LinkedBody {
    url: &'static str,
    status: bool,
    redirect: bool,
}

/// It is linked.
pub const LINKED: LinkedBody = LinkedBody {
    url: "",
    status: true,
    redirect: false,
};

/// One way to sign in, as its owner sees it.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "BetterAuthAccount")]
pub struct AccountBody {
    id: String,
    provider_id: &'static str,
    account_id: String,
    user_id: String,
    created_at: String,
    updated_at: String,
    scopes: Vec<String>,
}

impl From<SignInMethod> for AccountBody {
    fn from(method: SignInMethod) -> Self {
        Self {
            id: method.id,
            provider_id: method.provider,
            account_id: method.account_id,
            user_id: method.user_id,
            created_at: rfc_3339(method.created_at),
            updated_at: rfc_3339(method.updated_at),
            scopes: method.scopes,
        }
    }
}

/// The body of `POST /unlink-account`.
pub struct UnlinkBody {
    /// The id of an account in the list.
    pub account_id: String,
}

impl FromFields for UnlinkBody {
    fn read(fields: &mut Fields, _: &App) -> Result<Self, BetterAuthError> {
        Ok(Self {
            account_id: fields.text("accountId"),
        })
    }
}

/// The body of `POST /get-access-token` and of `POST /refresh-token`: the id,
/// or nothing known, since no account is kept in a cookie here.
pub struct SelectedBody {
    /// The id of an account in the list.
    pub account_id: String,
}

impl FromFields for SelectedBody {
    fn read(fields: &mut Fields, _: &App) -> Result<Self, BetterAuthError> {
        let account_id = fields.optional_text("accountId");
        let known = fields.are_among(&["accountId", "userId"]);
        let Some(account_id) = account_id.filter(|_| known) else {
            let problem = "[body] Invalid input".to_owned();
            return Err(BetterAuthError::invalid(&[problem]));
        };
        Ok(Self { account_id })
    }
}

/// The id of an account in the list that a query names.
pub fn selected_id(params: &Params) -> Result<&str, BetterAuthError> {
    let id = params.get("accountId");
    id.ok_or_else(|| BetterAuthError::invalid(&["[query] Invalid input".to_owned()]))
}

/// What `POST /get-access-token` answers.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "BetterAuthAccess")]
pub struct AccessBody {
    access_token: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    access_token_expires_at: Option<String>,
    scopes: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id_token: Option<String>,
}

impl AccessBody {
    /// What lets the owner of `account` use the provider's APIs.
    pub fn new(account: LinkedAccount, tokens: ProviderTokens) -> Self {
        Self {
            access_token: tokens.access.unwrap_or_default(),
            access_token_expires_at: tokens.access_expires_at.map(rfc_3339),
            scopes: account.scopes,
            id_token: tokens.id,
        }
    }
}

/// What `POST /refresh-token` answers.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "BetterAuthRefreshed")]
pub struct RefreshedBody {
    access_token: Option<String>,
    refresh_token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    access_token_expires_at: Option<String>,
    refresh_token_expires_at: Option<String>,
    scope: String,
    id_token: Option<String>,
    provider_id: &'static str,
    account_id: String,
}

impl RefreshedBody {
    /// The tokens of `account`, all of them.
    pub fn new(account: LinkedAccount, tokens: ProviderTokens) -> Self {
        Self {
            access_token: tokens.access,
            refresh_token: tokens.refresh,
            access_token_expires_at: tokens.access_expires_at.map(rfc_3339),
            refresh_token_expires_at: tokens.refresh_expires_at.map(rfc_3339),
            scope: account.scopes.join(","),
            id_token: tokens.id,
            provider_id: account.provider.as_str(),
            account_id: account.id,
        }
    }
}

/// What `GET /account-info` answers.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "BetterAuthAccountInfo")]
pub struct InfoBody {
    user: PersonBody,
    data: Value,
    account: LinkBody,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "BetterAuthPerson")]
struct PersonBody {
    name: String,
    email: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    image: Option<String>,
    email_verified: bool,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "BetterAuthLink")]
struct LinkBody {
    id: String,
    provider_id: &'static str,
    account_id: String,
}

impl InfoBody {
    /// What the provider of `account` tells of its owner.
    pub fn new(account: LinkedAccount, told: Told) -> Self {
        let person = told.identity;
        Self {
            user: PersonBody {
                name: person.name,
                email: person.email.map(|email| email.as_str().to_owned()),
                image: person.image,
                email_verified: person.email_verified,
            },
            data: told.whole,
            account: LinkBody {
                id: account.id,
                provider_id: account.provider.as_str(),
                account_id: account.provider_account_id,
            },
        }
    }
}
