//! What `docker-compose.yml` says, held to what the services read and what they
//! are promised to run in. What can be run of it is run by `deploy/ci/walk.py`.

use std::collections::{BTreeMap, BTreeSet};

use api_service::config::{Config, VARIABLES};
use serde_yaml_ng::{Mapping, Value};
use service_kit::environment::{Environment, Variable};

use crate::tidy::beside_the_crates;

/// Variables that are not passed on from a `.env`, and why.
const NOT_PASSED_ON: &[(&str, &[&str])] = &[
    (
        "the image sets them, to where its volumes and its model are",
        &["DATA_DIR", "MODELS_DIR"],
    ),
    (
        "ports and names within the network are fixed; LECTERN_BIND moves what is published",
        &["AUTH_HTTP_ADDR", "AUTH_GRPC_ADDR", "API_HTTP_ADDR"],
    ),
    (
        "AUTH_PUBLIC_URL, which has a default there, goes before it",
        &["BETTER_AUTH_URL"],
    ),
    (
        "they need a file that must be mounted first",
        &[
            "AUTH_GRPC_TLS_CERT",
            "AUTH_GRPC_TLS_KEY",
            "AUTH_GRPC_TLS_CLIENT_CA",
            "AUTH_GRPC_CA",
            "AUTH_GRPC_CLIENT_CERT",
            "AUTH_GRPC_CLIENT_KEY",
        ],
    ),
];

/// What the step `secrets` takes, and hands on in files.
const BY_FILE: &[&str] = &[
    "DATABASE_URL",
    "AUTH_DATABASE_URL",
    "API_DATABASE_URL",
    "SERVICE_TOKEN",
    "QDRANT_API_KEY",
];

fn services() -> BTreeMap<String, Mapping> {
    let mut file: Value =
        serde_yaml_ng::from_str(&beside_the_crates("docker-compose.yml")).unwrap();
    // Once for what is merged, and once for what that merges.
    file.apply_merge().unwrap();
    file.apply_merge().unwrap();
    serde_yaml_ng::from_value(file["services"].clone()).unwrap()
}

fn keys(mapping: &Value) -> BTreeSet<String> {
    let keys = mapping.as_mapping().unwrap().keys();
    keys.map(|key| key.as_str().unwrap().to_owned()).collect()
}

fn texts(list: &Value) -> Vec<&str> {
    let texts = list.as_sequence().unwrap().iter();
    texts.map(|text| text.as_str().unwrap()).collect()
}

/// The steps end; all others go on.
fn is_step(name: &str) -> bool {
    matches!(name, "secrets" | "databases")
}

#[test]
fn every_variable_of_a_service_is_passed_on() {
    let services = services();
    let secrets = keys(&services["secrets"]["environment"]);
    assert_eq!(
        secrets,
        BY_FILE.iter().map(|name| (*name).to_owned()).collect()
    );
    let auth: &[Variable] = &auth_service::config::VARIABLES;
    for (service, variables) in [("auth-service", auth), ("api-service", &**VARIABLES)] {
        let passed = keys(&services[service]["environment"]);
        for variable in variables {
            let name = variable.name;
            let not_passed = NOT_PASSED_ON.iter().any(|(_, names)| names.contains(&name));
            let expected = !not_passed && !BY_FILE.contains(&name);
            assert_eq!(passed.contains(name), expected, "{name} of {service}");
        }
        for name in passed {
            let is_read = variables.iter().any(|variable| {
                let by_file = variable.secret && name == format!("{}_FILE", variable.name);
                variable.name == name || by_file
            });
            assert!(is_read, "{service} does not read {name}");
        }
    }
}

#[test]
fn only_what_readers_ask_is_published() {
    for (name, service) in services() {
        let expected: &[&str] = match name.as_str() {
            "auth-service" => &["${LECTERN_BIND:-127.0.0.1}:3001:3001"],
            "api-service" => &["${LECTERN_BIND:-127.0.0.1}:8000:8000"],
            "caddy" => &["${LECTERN_BIND:-127.0.0.1}:8080:8080"],
            _ => &[],
        };
        let published = service.get("ports").map(texts).unwrap_or_default();
        assert_eq!(published, expected, "{name}");
    }
}

#[test]
fn every_container_is_confined() {
    for (name, service) in services() {
        let has = |key: &str| service.contains_key(key);
        assert_eq!(service["read_only"], Value::Bool(true), "{name}");
        assert_eq!(texts(&service["cap_drop"]), ["ALL"], "{name}");
        let options = texts(&service["security_opt"]);
        assert_eq!(options, ["no-new-privileges:true"], "{name}");
        assert!(has("mem_limit") && has("pids_limit"), "{name} is unlimited");
        assert!(
            keys(&service["logging"]["options"]).contains("max-size"),
            "{name}"
        );
        assert!(has("networks"), "{name} is not on the named network");
        let restart = if is_step(&name) {
            "no"
        } else {
            "unless-stopped"
        };
        assert_eq!(service["restart"], restart, "{name}");
        assert_eq!(has("healthcheck"), !is_step(&name), "{name}");
        assert_eq!(has("stop_grace_period"), !is_step(&name), "{name}");
    }
}

/// Qdrant's settings are called as its documentation does: its variables are
/// `QDRANT__<section>__<name>`, HTTP is on 6333 and gRPC on 6334, what it keeps is
/// below `/qdrant/storage`, and `/readyz` wants no key.
#[test]
fn qdrant_is_as_api_service_wants_it() {
    let services = services();
    let (qdrant, api) = (&services["qdrant"], &services["api-service"]["environment"]);
    let image = qdrant["image"].as_str().unwrap();
    let version = image.strip_prefix("qdrant/qdrant:v").unwrap();
    let version = version.strip_suffix("-unprivileged").unwrap();
    // A client works with servers of its minor version and of those beside it.
    let minor = |version: &str| version.split('.').nth(1).unwrap().parse::<i32>().unwrap();
    let lock = beside_the_crates("Cargo.lock");
    let (_, client) = lock
        .split_once("name = \"qdrant-client\"\nversion = \"")
        .unwrap();
    assert!((minor(client) - minor(version)).abs() <= 1, "{version}");

    let entrypoint = texts(&qdrant["entrypoint"]).join(" ");
    let key = "QDRANT__SERVICE__API_KEY=\"$$(cat /secrets/qdrant/api-key)\"";
    assert!(entrypoint.contains(key), "{entrypoint}");
    let script = beside_the_crates("deploy/compose/secrets.sh");
    assert!(script.contains("qdrant/api-key \"$qdrant_key\""));
    assert!(script.contains("api-service/qdrant-api-key \"$qdrant_key\""));
    assert!(texts(&qdrant["volumes"]).contains(&"qdrant:/qdrant/storage"));
    let asked = texts(&qdrant["healthcheck"]["test"]).join(" ");
    assert!(asked.contains("127.0.0.1/6333") && asked.contains("GET /readyz"));
    let waits = &services["api-service"]["depends_on"]["qdrant"]["condition"];
    assert_eq!(waits, "service_healthy");

    let url = api["QDRANT_URL"].as_str().unwrap();
    let url = url.strip_prefix("${QDRANT_URL:-").unwrap();
    let url = url.strip_suffix('}').unwrap();
    assert_eq!(url, "http://qdrant:6334");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key");
    std::fs::write(&file, "made at the first start\n").unwrap();
    let values = [
        ("QDRANT_URL".to_owned(), url.to_owned()),
        ("QDRANT_API_KEY_FILE".to_owned(), file.display().to_string()),
    ];
    let config = Config::from_environment(&Environment::new(values, &VARIABLES)).unwrap();
    let read = config.qdrant.unwrap();
    assert_eq!((read.url.as_str(), read.api_key.is_some()), (url, true));
}
