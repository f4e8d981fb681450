//! Tokens that must not hold, each wrong in one way.

use auth_service::{
    app::ports::{SigningKeys, TokenSigner},
    domain::signing_key::SigningKey,
    outbound::{jwt::JwtSigner, sql::SqlSigningKeys},
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
    let ours = SqlSigningKeys::new(app.database.clone());
    let ours = ours.active().await.unwrap().unwrap();
    let header = |algorithm: Algorithm, typ: &str| {
        let mut header = Header::new(algorithm);
        header.typ = Some(typ.to_owned());
        header.kid = Some(ours.kid.clone());
        header
    };
    let with_secret = |secret: &[u8]| {
        let header = header(Algorithm::HS256, TOKEN_TYPE);
        encode(&header, claims, &EncodingKey::from_secret(secret)).unwrap()
    };
    let signed = |kid: &str, seed: [u8; 32]| {
        let key = SigningKey {
            kid: kid.to_owned(),
            seed,
            created_at: 0,
        };
        let signer = JwtSigner::new(&key, "", "").unwrap();
        signer.sign(claims).unwrap()
    };
    match name {
        "other_key" => signed(&ours.kid, [9; 32]),
        "unknown_kid" => signed("someone-elses", ours.seed),
        // The classic: the public key taken for a shared secret.
        "hs256_public_key" => with_secret(&app.app.public_keys()[0].bytes),
        "hs256_public_key_text" => {
            let public = URL_SAFE_NO_PAD.encode(app.app.public_keys()[0].bytes);
            with_secret(public.as_bytes())
        }
        "plain_jwt" => with_seed(&header(Algorithm::EdDSA, "JWT"), claims, ours.seed),
        "id_token" => with_seed(&header(Algorithm::EdDSA, "id_token+jwt"), claims, ours.seed),
        "without_sid" => {
            let mut claims = serde_json::to_value(claims).unwrap();
            claims.as_object_mut().unwrap().remove("sid");
            with_seed(&header(Algorithm::EdDSA, TOKEN_TYPE), &claims, ours.seed)
        }
        other => panic!("nobody knows how to forge `{other}`"),
    }
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
