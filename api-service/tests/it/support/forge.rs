//! Tokens that must not hold, each wrong in one way.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use proto::claims::{Claims, Role, TOKEN_TYPE};

use super::{
    NOON,
    auth::{KID, SEED, claims_of, public_key, signed, signed_as, token_of},
};

/// The token that `${forged.NAME}` stands for.
pub fn forge(name: &str) -> String {
    let sign = |change: fn(&mut Claims)| {
        let mut claims = claims_of("ada");
        change(&mut claims);
        signed(&claims, KID, SEED)
    };
    match name {
        "good" => token_of("ada"),
        "wrong_issuer" => sign(|claims| "elsewhere".clone_into(&mut claims.iss)),
        "wrong_audience" => sign(|claims| "elsewhere".clone_into(&mut claims.aud)),
        "nobody" => sign(|claims| claims.sub.clear()),
        "no_session" => sign(|claims| claims.sid.clear()),
        "without_sid" => without(&["sid"]),
        "without_roles" => without(&["roles"]),
        "plain_jwt" => signed_as("JWT", &claims_of("ada"), KID, SEED),
        "id_token" => signed_as("id_token+jwt", &claims_of("ada"), KID, SEED),
        "expired" => sign(|claims| claims.exp = NOON / 1000 - 5),
        "expired_within_leeway" => sign(|claims| claims.exp = NOON / 1000 - 4),
        "not_yet" => sign(|claims| claims.nbf = NOON / 1000 + 6),
        "endless" => sign(|claims| claims.exp = i64::MAX),
        "other_key" => signed(&claims_of("ada"), KID, [9; 32]),
        "unknown_kid" => signed(&claims_of("ada"), "someone-elses", SEED),
        "hs256_public_key" => with_secret(&public_key(SEED)),
        "hs256_public_key_text" => with_secret(URL_SAFE_NO_PAD.encode(public_key(SEED)).as_bytes()),
        "tampered" => tampered(&token_of("ada")),
        "cut_signature" => {
            let good = token_of("ada");
            good[..good.len() - 4].to_owned()
        }
        "two_parts" => token_of("ada").rsplit_once('.').unwrap().0.to_owned(),
        "none" => {
            let header = format!(r#"{{"alg":"none","typ":"at+jwt","kid":"{KID}"}}"#);
            let payload = serde_json::to_vec(&claims_of("ada")).unwrap();
            let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
            format!("{}.{}.", encode(header.as_bytes()), encode(&payload))
        }
        other => panic!("nobody knows how to forge `{other}`"),
    }
}

/// The classic: the public key taken for a shared secret.
fn with_secret(secret: &[u8]) -> String {
    let mut header = Header::new(Algorithm::HS256);
    header.typ = Some(TOKEN_TYPE.to_owned());
    header.kid = Some(KID.to_owned());
    encode(
        &header,
        &claims_of("ada"),
        &EncodingKey::from_secret(secret),
    )
    .unwrap()
}

/// A token that lacks claims.
fn without(names: &[&str]) -> String {
    let mut claims = serde_json::to_value(claims_of("ada")).unwrap();
    let object = claims.as_object_mut().unwrap();
    object.retain(|name, _| !names.contains(&name.as_str()));
    signed_as(TOKEN_TYPE, &claims, KID, SEED)
}

fn tampered(good: &str) -> String {
    let mut admin = claims_of("ada");
    admin.roles = vec![Role::Admin];
    let parts: Vec<&str> = good.split('.').collect();
    let payload = URL_SAFE_NO_PAD.encode(serde_json::to_vec(&admin).unwrap());
    [parts[0], payload.as_str(), parts[2]].join(".")
}
