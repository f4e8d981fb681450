//! `api-service eval`: the README's own example, and what it refuses.

use std::{
    fs,
    os::unix::fs::symlink,
    path::Path,
    process::{Command, Output, Stdio},
};

use serde_json::Value;

use crate::support::embedder::models_folder;

/// The blocks of the README's section, in their order.
fn example() -> Vec<String> {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md");
    let readme = fs::read_to_string(readme).unwrap();
    let (_, section) = readme
        .split_once("### Measuring your own documents\n")
        .unwrap();
    let section = section.split("\n## ").next().unwrap();
    let blocks = section.split("```").skip(1).step_by(2);
    let text = |block: &str| block.split_once('\n').unwrap().1.to_owned();
    blocks.map(text).collect()
}

/// A data folder with the model and, in `set`, the example's files.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    symlink(models_folder(), folder.path().join("models")).unwrap();
    let [corpus, questions, ..] = &example()[..] else {
        panic!("the example has its files");
    };
    fs::create_dir(folder.path().join("set")).unwrap();
    for (name, content) in [("corpus", corpus), ("questions", questions)] {
        let path = folder.path().join(format!("set/{name}.jsonl"));
        fs::write(path, content).unwrap();
    }
    folder
}

fn eval(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_api-service"))
        .current_dir(folder)
        .env_clear()
        .env("DATA_DIR", folder)
        .stdin(Stdio::null())
        .arg("eval")
        .args(arguments)
        .output()
        .unwrap()
}

fn shown(output: &Output) -> String {
    let text = [output.stdout.as_slice(), &output.stderr].concat();
    String::from_utf8(text).unwrap()
}

#[test]
fn the_example_of_the_readme_is_measured_and_held_to_its_bounds() {
    let folder = folder();
    let command = example()[2].clone();
    let arguments = command.trim().strip_prefix("api-service eval ").unwrap();
    let arguments: Vec<&str> = arguments.split_whitespace().collect();
    let output = eval(folder.path(), &arguments);
    assert_eq!(output.status.code(), Some(0), "{}", shown(&output));
    let report = fs::read(folder.path().join("report.json")).unwrap();
    let report: Value = serde_json::from_slice(&report).unwrap();
    assert_eq!(
        (&report["set"], &report["documents"], &report["questions"]),
        (&"set".into(), &2.into(), &3.into())
    );
    let measures = &report["measures"];
    for name in ["refusal-precision", "answered", "citation-hit", "span-hit"] {
        assert_eq!(measures[name], 1.0, "{measures}");
    }
    let bounds = ["set", "--max", "citation-hit=0.5", "--min", "ndcg@10=0.1"];
    let output = eval(folder.path(), &bounds);
    assert_eq!(output.status.code(), Some(1));
    let shown = shown(&output);
    assert!(
        shown.contains("citation-hit is 1.0000, and must be at most 0.5"),
        "{shown}"
    );
    assert!(
        shown.contains("ndcg@10 is not measured by this set"),
        "{shown}"
    );
}

#[test]
fn what_is_not_understood_is_refused_before_anything_is_loaded() {
    let folder = folder();
    for arguments in [
        ["set", "--min", "quality=1"],
        ["set", "--min", "answered"],
        ["set", "--max", "answered=NaN"],
    ] {
        let output = eval(folder.path(), &arguments);
        assert_eq!(output.status.code(), Some(2), "{}", shown(&output));
    }
    for line in [
        r#"{"question": "What?", "source": ["arm"]}"#,
        r#"{"question": "What?", "spans": [{"document": "arm", "start": 0, "end": 9999}]}"#,
        r#"{"question": "What?", "spans": [{"document": "leg", "start": 0, "end": 1}]}"#,
        "What?",
    ] {
        fs::write(folder.path().join("set/questions.jsonl"), line).unwrap();
        let output = eval(folder.path(), &["set"]);
        assert_eq!(output.status.code(), Some(1), "{}", shown(&output));
        assert!(
            shown(&output).contains("questions.jsonl"),
            "{}",
            shown(&output)
        );
    }
    assert!(!folder.path().join("eval").exists());
}
