//! A table of surfaces times failures in YAML, each cell a step that shows how the
//! surface says it. Both services' tests have this file as a module of theirs.

use std::{collections::BTreeMap, fs, path::Path};

use serde::de::DeserializeOwned;

/// The cells, by surface and by what goes wrong.
pub type Table<Step> = BTreeMap<String, BTreeMap<String, Step>>;

/// The table in `file`, a path inside the folder `service`.
pub fn table<Step: DeserializeOwned>(service: &str, file: &str) -> Table<Step> {
    let text = fs::read_to_string(Path::new(service).join(file)).unwrap();
    serde_yaml_ng::from_str(&text).unwrap()
}

/// Each surface of `service`, and `v1`, has each of these failures, and no other.
pub fn holds_all<Step>(table: &Table<Step>, service: &str, failures: &[&str]) {
    let folder = Path::new(service).join("src/http/compat");
    let entries = fs::read_dir(folder).unwrap().map(Result::unwrap);
    let surfaces = entries.filter(|entry| entry.path().is_dir());
    let names = surfaces.map(|entry| entry.file_name().into_string().unwrap());
    for surface in names.chain(["v1".to_owned()]) {
        let cells = table.get(&surface);
        let cells = cells.unwrap_or_else(|| panic!("{surface} is not in failures.yaml"));
        for failure in failures {
            assert!(cells.contains_key(*failure), "{surface} lacks {failure}");
        }
        assert_eq!(cells.len(), failures.len(), "{surface}");
    }
}
