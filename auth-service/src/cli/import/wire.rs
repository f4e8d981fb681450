//! A line of an import's file.

use std::collections::BTreeMap;

use chrono::DateTime;
use serde::{Deserialize, Deserializer, de::Error};

use crate::{app::import::Imported, domain::Millis};

/// An account, as a line tells of it. A field that is not known is refused:
/// what would be lost is said.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Line {
    id: Option<String>,
    email: String,
    name: Option<String>,
    username: Option<String>,
    #[serde(alias = "passwordHash")]
    password_hash: Option<String>,
    #[serde(alias = "emailVerified")]
    email_verified: Option<bool>,
    image: Option<String>,
    role: Option<String>,
    #[serde(default, alias = "createdAt", deserialize_with = "moment")]
    created_at: Option<Millis>,
    profile: Option<BTreeMap<String, Option<String>>>,
}

impl From<Line> for Imported {
    fn from(line: Line) -> Self {
        let profile = line.profile.unwrap_or_default();
        Self {
            id: line.id,
            email: line.email,
            name: line.name,
            username: line.username,
            password_hash: line.password_hash,
            email_verified: line.email_verified.unwrap_or_default(),
            image: line.image,
            role: line.role,
            created_at: line.created_at,
            profile: profile
                .into_iter()
                .filter_map(|(name, text)| Some((name, text?)))
                .collect(),
        }
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Moment {
    Millis(Millis),
    Text(String),
}

/// A moment as RFC 3339 or in milliseconds since 1970.
fn moment<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Millis>, D::Error> {
    let wrong = || D::Error::custom("created_at must look like 2026-11-01T12:00:00Z");
    match Option::<Moment>::deserialize(deserializer).map_err(|_| wrong())? {
        None => Ok(None),
        Some(Moment::Millis(millis)) => Ok(Some(millis)),
        Some(Moment::Text(text)) => match DateTime::parse_from_rfc3339(&text) {
            Ok(moment) => Ok(Some(moment.timestamp_millis())),
            Err(_) => Err(wrong()),
        },
    }
}
