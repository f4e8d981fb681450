//! Tokens that must not hold, each wrong in one way.

use auth_service::{
    app::ports::{PrivateKey, SigningKeys},
    outbound::sql::SqlSigningKeys,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ed25519_dalek::{SigningKey as Ed25519Key, pkcs8::EncodePrivateKey};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use proto::claims::{Claims, Role, TOKEN_TYPE};
use serde::Serialize;

use super::{NOON, TestApp};

/// The token that `${forged.NAME}` stands for. `good` is a token that holds.
pub async fn forge(name: &str, app: &TestApp, good: &str) -> String {
    let claims = app.app.signer.read(good).unwrap();
    let sign = |change: fn(&mut Claims)| {
        let mut changed = claims.clone();
        change(&mut changed);
        app.app.signer.sign(&changed).unwrap()
    };
    match name {
        "wrong_issuer" => sign(|claims| "elsewhere".clone_into(&mut claims.iss)),
        "wrong_audience" => sign(|claims| "elsewhere".clone_into(&mut claims.aud)),
        "expired" => sign(|claims| claims.exp = NOON / 1000 - 5),
        "expired_within_leeway" => sign(|claims| claims.exp = NOON / 1000 - 4),
        "not_yet" => sign(|claims| claims.nbf = NOON / 1000 + 6),
        "endless" => sign(|claims| claims.exp = i64::MAX),
        "no_such_user" => {
            sign(|claims| "018bcfe5-6800-7000-8000-00000000dead".clone_into(&mut claims.sub))
        }
        "no_session" => sign(|claims| claims.sid.clear()),
        "no_id" => sign(|claims| "' OR 1=1 --".clone_into(&mut claims.sub)),
        "huge" => sign(|claims| claims.name = "n".repeat(9000)),
        "tampered" => tampered(good, &claims),
        "cut_signature" => good[..good.len() - 4].to_owned(),
        "two_parts" => good.rsplit_once('.').unwrap().0.to_owned(),
        "none" => {
            let header = r#"{"alg":"none","typ":"at+jwt","kid":"KID"}"#;
            format!("{}.", unsigned(&header.replace("KID", &kid(app)), &claims))
        }
        _ => with_another_key(name, app, &claims).await,
    }
}

async fn with_another_key(name: &str, app: &TestApp, claims: &Claims) -> String {
    let (kid, seed) = (kid(app), our_seed(app).await);
    let header = |typ: &str, kid: &str| {
        let mut header = Header::new(Algorithm::EdDSA);
        header.typ = Some(typ.to_owned());
        header.kid = Some(kid.to_owned());
        header
    };
    let with_secret = |secret: &[u8]| {
        let mut header = header(TOKEN_TYPE, &kid);
        header.alg = Algorithm::HS256;
        encode(&header, claims, &EncodingKey::from_secret(secret)).unwrap()
    };
    match name {
        "other_key" => with_seed(&header(TOKEN_TYPE, &kid), claims, [9; 32]),
        "unknown_kid" => with_seed(&header(TOKEN_TYPE, "someone-elses"), claims, seed),
        // The classic: the public key taken for a shared secret.
        "hs256_public_key" => with_secret(&app.app.public_keys()[0].bytes),
        "hs256_public_key_text" => {
            let public = URL_SAFE_NO_PAD.encode(app.app.public_keys()[0].bytes);
            with_secret(public.as_bytes())
        }
        "plain_jwt" => with_seed(&header("JWT", &kid), claims, seed),
        "id_token" => with_seed(&header("id_token+jwt", &kid), claims, seed),
        "without_sid" => {
            let mut claims = serde_json::to_value(claims).unwrap();
            claims.as_object_mut().unwrap().remove("sid");
            with_seed(&header(TOKEN_TYPE, &kid), &claims, seed)
        }
        other => panic!("nobody knows how to forge `{other}`"),
    }
}

/// The private key that signs, opened with the service's own secret.
async fn our_seed(app: &TestApp) -> [u8; 32] {
    let keys = SqlSigningKeys::new(app.database.clone()).all().await;
    let PrivateKey::Sealed(sealed) = &keys.unwrap()[0].private_key else {
        panic!("a private key in clear");
    };
    let seed = app.app.vault.open("signing key", sealed).unwrap();
    seed.try_into().unwrap()
}

fn with_seed(header: &Header, claims: &impl Serialize, seed: [u8; 32]) -> String {
    let key = Ed25519Key::from_bytes(&seed).to_pkcs8_der().unwrap();
    encode(header, claims, &EncodingKey::from_ed_der(key.as_bytes())).unwrap()
}

fn tampered(good: &str, claims: &Claims) -> String {
    let mut admin = claims.clone();
    admin.roles = vec![Role::Admin];
    let parts: Vec<&str> = good.split('.').collect();
    let payload = URL_SAFE_NO_PAD.encode(serde_json::to_vec(&admin).unwrap());
    [parts[0], payload.as_str(), parts[2]].join(".")
}

fn unsigned(header: &str, claims: &Claims) -> String {
    let payload = serde_json::to_vec(claims).unwrap();
    let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    format!("{}.{}", encode(header.as_bytes()), encode(&payload))
}

fn kid(app: &TestApp) -> String {
    app.app.public_keys()[0].kid.clone()
}
