//! Starts a service's program where it can't begin, as a table in YAML says, and
//! holds what it says, and its exit code, to the table. Both services' tests have
//! this file as a module of theirs.

use std::{
    collections::BTreeMap,
    fs::{self, Permissions},
    io::Read,
    net::TcpListener,
    os::unix::{self, fs::PermissionsExt},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
};

use serde::Deserialize;

/// A row of the table.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    /// What is wrong.
    case: String,
    /// What the data folder is.
    #[serde(default)]
    folder: Folder,
    /// Variables. `${taken}` is the address of a port that is taken, `${data}` the
    /// data folder, `${secret}` something that must not be said.
    #[serde(default)]
    set: BTreeMap<String, String>,
    /// The exit code.
    code: i32,
    /// The last line on standard error, without the program's name.
    says: String,
    /// What it may say instead, where chance decides what fails first.
    #[serde(default)]
    or: Vec<String>,
    /// A part of a line before that.
    #[serde(default)]
    logs: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Folder {
    /// One that can be used.
    #[default]
    Whole,
    /// One that lacks what stands beside it: the model.
    Bare,
    /// One in which nothing can be made.
    ReadOnly,
    /// One on a disk with the program's database and no room for anything else.
    Full,
    /// One on a disk where nothing is, and no room for anything.
    FullAndNew,
    /// One in which the same program serves.
    Served,
}

const SECRET: &str = "hunter2hunter2hunter2hunter2hunter2";

/// A service's program.
pub struct Program {
    /// What it is called.
    pub name: &'static str,
    /// Where it is.
    pub path: &'static str,
    /// What it needs to be set, beside `DATA_DIR`.
    pub environment: &'static [(&'static str, &'static str)],
    /// What stands in its data folder before it begins: a name, and where it is.
    pub beside: Vec<(&'static str, PathBuf)>,
}

impl Program {
    /// Goes through the table in a file. A data folder that was refused can be used
    /// in the end.
    pub fn holds_to(&self, file: &Path) {
        let rows: Vec<Row> = serde_yaml_ng::from_str(&fs::read_to_string(file).unwrap()).unwrap();
        let wrong: Vec<_> = rows.iter().filter_map(|row| self.differs(row)).collect();
        assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    }

    /// How what happens differs from a row.
    fn differs(&self, row: &Row) -> Option<String> {
        let home = tempfile::tempdir().unwrap();
        let data = home.path().join("data");
        self.make(&data, &row.folder);
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let taken = (taken.local_addr().unwrap().to_string(), taken);
        let filled = |text: &str| {
            text.replace("${taken}", &taken.0)
                .replace("${data}", data.to_str().unwrap())
                .replace("${secret}", SECRET)
        };
        let serving = matches!(row.folder, Folder::Served).then(|| self.serve(&data));
        let mut command = self.start(&data, &row.folder)?;
        command.envs(row.set.iter().map(|(name, value)| (name, filled(value))));
        let Output { status, stderr, .. } = command.output().unwrap();
        let said = String::from_utf8(stderr).unwrap();
        let mut lines = [&row.says].into_iter().chain(&row.or);
        let last = said.lines().last();
        let is_last = |line: &String| last == Some(&format!("{}: {}", self.name, filled(line)));
        let is_said = lines.any(is_last) && !said.contains(SECRET);
        let is_told = match &row.logs {
            Some(part) => said.contains(part),
            None => said.lines().count() == 1,
        };
        drop(serving);
        // What is there was not harmed.
        fs::set_permissions(&data, Permissions::from_mode(0o700)).unwrap();
        let after = self.command(&data).arg("migrate").output().unwrap();
        let holds = is_said && is_told && status.code() == Some(row.code) && after.status.success();
        let case = &row.case;
        (!holds).then(|| format!("{case}: {status}, and in the end {after:?}\n{said}"))
    }

    fn make(&self, data: &Path, folder: &Folder) {
        fs::create_dir(data).unwrap();
        if !matches!(folder, Folder::Bare) {
            for (name, place) in &self.beside {
                unix::fs::symlink(place, data.join(name)).unwrap();
            }
        }
        if matches!(folder, Folder::ReadOnly) {
            fs::set_permissions(data, Permissions::from_mode(0o500)).unwrap();
        }
    }

    fn command(&self, data: &Path) -> Command {
        self.wrapped(&[], data)
    }

    /// The program, started by another one.
    fn wrapped(&self, by: &[&str], data: &Path) -> Command {
        let whole: Vec<_> = by.iter().copied().chain([self.path]).collect();
        let mut command = Command::new(whole[0]);
        command
            .args(&whole[1..])
            .env_clear()
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .env("DATA_DIR", data)
            .envs(self.environment.iter().copied())
            .stdin(Stdio::null());
        command
    }

    /// The program in such a folder; nothing where the machine can't make one.
    fn start(&self, data: &Path, folder: &Folder) -> Option<Command> {
        let full = match folder {
            Folder::ReadOnly if is_root() => {
                // Permissions do not bind who has these capabilities.
                let without = "--bounding-set=-dac_override,-dac_read_search";
                return Some(self.wrapped(&["setpriv", without], data));
            }
            Folder::Full => format!("{} migrate >/dev/null;", self.path),
            Folder::FullAndNew => String::new(),
            _ => return Some(self.command(data)),
        };
        if !is_root() {
            // A small disk can be had by mounting one, and nobody else may.
            return None;
        }
        let link = |(name, place): &(&str, PathBuf)| {
            format!("ln -s {} $DATA_DIR/{name};", place.display())
        };
        let links = self.beside.iter().map(link).collect::<Vec<_>>().join(" ");
        let script = format!(
            "mount -t tmpfs -o size=2m tmpfs $DATA_DIR; {links} {full} \
             cat /dev/zero 2>/dev/null >$DATA_DIR/filler; \"$0\"; code=$?; rm $DATA_DIR/filler; \
             ls -A $DATA_DIR | grep -q '^\\.' && exit 98; \
             \"$0\" migrate >/dev/null || exit 99; exit $code"
        );
        Some(self.wrapped(&["unshare", "--mount", "sh", "-c", &script], data))
    }

    /// The program serving in a folder, for as long as this is kept.
    fn serve(&self, data: &Path) -> Serving {
        let mut child = self.command(data).stderr(Stdio::piped()).spawn().unwrap();
        let mut log = child.stderr.take().unwrap();
        let (mut said, mut part) = (String::new(), [0; 4096]);
        while !said.contains("ready") && !said.contains("serving") {
            let read = log.read(&mut part).unwrap();
            assert_ne!(read, 0, "it ended before it served: {said}");
            said.push_str(&String::from_utf8_lossy(&part[..read]));
        }
        Serving(child, log)
    }
}

/// A process that is killed in the end; its log is open until then.
struct Serving(
    Child,
    #[expect(dead_code, reason = "held open")] std::process::ChildStderr,
);

impl Drop for Serving {
    fn drop(&mut self) {
        // It has ended already where a test failed.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().unwrap();
    id.stdout == b"0\n"
}
