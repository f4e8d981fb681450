//! Environment variables, declared in one table and read through it: what the
//! table lacks can't be read, so help texts and `.env.example` can't drift.

use std::{collections::BTreeMap, ffi::OsString, fs, path::Path, str::FromStr};

use secrecy::{ExposeSecret, SecretString};

use crate::database::DatabaseUrl;

/// One variable that a service reads.
#[derive(Debug, Clone, Copy)]
pub struct Variable {
    /// Its name, in upper case.
    pub name: &'static str,
    /// The value that holds where it is not set; empty where there is none.
    pub default: &'static str,
    /// What it means, in one line.
    pub help: &'static str,
    /// Whether its value must never be shown, and may come from the file that
    /// `NAME_FILE` names.
    pub secret: bool,
}

impl Variable {
    /// A variable that anyone may see.
    pub const fn plain(name: &'static str, default: &'static str, help: &'static str) -> Self {
        Self {
            name,
            default,
            help,
            secret: false,
        }
    }

    /// A secret, which has no default.
    pub const fn secret(name: &'static str, help: &'static str) -> Self {
        Self {
            name,
            default: "",
            help,
            secret: true,
        }
    }
}

/// Why the configuration can't be used. The message names the variable and
/// never its value.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{variable}: {problem}")]
pub struct InvalidVariable {
    /// The variable's name.
    pub variable: String,
    /// What is wrong, and what to do.
    pub problem: String,
}

impl InvalidVariable {
    /// Says that `variable` can't be used because of `problem`.
    pub fn new(variable: &str, problem: impl Into<String>) -> Self {
        Self {
            variable: variable.to_owned(),
            problem: problem.into(),
        }
    }
}

/// The environment of a process, seen through a table of variables.
#[derive(Debug)]
pub struct Environment {
    values: BTreeMap<String, String>,
    table: &'static [Variable],
}

impl Environment {
    /// Takes the `values` of a process, to be read as `table` declares them.
    /// An empty value counts as not set, as Compose files leave them.
    pub fn new(
        values: impl IntoIterator<Item = (String, String)>,
        table: &'static [Variable],
    ) -> Self {
        let values = values
            .into_iter()
            .filter(|(_, value)| !value.trim().is_empty())
            .collect();
        Self { values, table }
    }

    /// The same, from what the operating system gives: names and values that
    /// are not Unicode are read as well as they can be.
    pub fn from_os(
        values: impl IntoIterator<Item = (OsString, OsString)>,
        table: &'static [Variable],
    ) -> Self {
        let text = |os: OsString| os.to_string_lossy().into_owned();
        let values = values
            .into_iter()
            .map(|(name, value)| (text(name), text(value)));
        Self::new(values, table)
    }

    /// The database that the first of the variables `names` tells; the
    /// `SQLite` file `default` where none is set.
    pub fn database(&self, names: &[&str], default: &Path) -> Result<DatabaseUrl, InvalidVariable> {
        for name in names {
            if let Some(url) = self.secret(name)? {
                let parsed = DatabaseUrl::from_str(url.expose_secret());
                return parsed.map_err(|problem| InvalidVariable::new(name, problem));
            }
        }
        Ok(DatabaseUrl::sqlite(default))
    }

    /// The value of `name`, or its default.
    pub fn text(&self, name: &str) -> Result<String, InvalidVariable> {
        let default = self.declared(name)?.default;
        Ok(self
            .values
            .get(name)
            .map_or_else(|| default.to_owned(), |set| set.trim().to_owned()))
    }

    /// The value of `name`, if it is set or has a default.
    pub fn optional(&self, name: &str) -> Result<Option<String>, InvalidVariable> {
        Ok(Some(self.text(name)?).filter(|text| !text.is_empty()))
    }

    /// The value of `name`, read as a `T`.
    pub fn parsed<T: FromStr>(&self, name: &str) -> Result<T, InvalidVariable> {
        let text = self.text(name)?;
        text.parse().map_err(|_| {
            let example = self.declared(name).map_or("", |variable| variable.default);
            InvalidVariable::new(
                name,
                format!("can't be read; a value looks like `{example}`"),
            )
        })
    }

    /// The secret `name`, from the variable itself or from the file that
    /// `NAME_FILE` names. Placeholders that examples carry are refused.
    pub fn secret(&self, name: &str) -> Result<Option<SecretString>, InvalidVariable> {
        self.declared(name)?;
        let file = self.values.get(&format!("{name}_FILE"));
        let value = match (self.values.get(name), file) {
            (Some(_), Some(_)) => {
                return Err(InvalidVariable::new(
                    name,
                    "set it or its _FILE variant, not both",
                ));
            }
            (Some(value), None) => value.trim().to_owned(),
            (None, Some(path)) => fs::read_to_string(path.trim())
                .map_err(|error| {
                    InvalidVariable::new(&format!("{name}_FILE"), format!("can't be read: {error}"))
                })?
                .trim()
                .to_owned(),
            (None, None) => return Ok(None),
        };
        if is_placeholder(&value) {
            let problem = "still holds the placeholder of an example; \
                           make a real one with `openssl rand -hex 32`, or leave it out";
            return Err(InvalidVariable::new(name, problem));
        }
        Ok(Some(SecretString::from(value)))
    }

    /// The PEM texts in the file whose path `name` holds. They may hold a
    /// private key, so they are treated as a secret.
    pub fn pem(&self, name: &str) -> Result<Option<SecretString>, InvalidVariable> {
        let Some(path) = self.optional(name)? else {
            return Ok(None);
        };
        let text = fs::read_to_string(&path).map_err(|error| {
            InvalidVariable::new(name, format!("its file can't be read: {error}"))
        })?;
        if !text.contains("-----BEGIN ") {
            return Err(InvalidVariable::new(name, "its file holds no PEM text"));
        }
        Ok(Some(SecretString::from(text)))
    }

    fn declared(&self, name: &str) -> Result<&'static Variable, InvalidVariable> {
        self.table
            .iter()
            .find(|variable| variable.name == name)
            .ok_or_else(|| InvalidVariable::new(name, "is read but not declared"))
    }
}

/// The table as a help text, a variable a paragraph.
pub fn describe(table: &[Variable]) -> String {
    let mut text = String::from("Environment variables (a secret may also come from NAME_FILE):\n");
    for Variable {
        name,
        default,
        help,
        secret,
    } in table
    {
        let default = match (default.is_empty(), secret) {
            (true, true) => " [secret]".to_owned(),
            (true, false) => String::new(),
            (false, _) => format!(" [default: {default}]"),
        };
        text.extend(["  ", name, &default, "\n      ", help, "\n"]);
    }
    text
}

fn is_placeholder(value: &str) -> bool {
    let value = value.to_ascii_lowercase();
    let begins = [
        "your_",
        "your-",
        "change-me",
        "changeme",
        "change_me",
        "<your",
        "replace-me",
    ];
    begins.iter().any(|begin| value.starts_with(begin))
        || value.starts_with('<') && value.ends_with('>')
        || value.ends_with("...")
        || value == "secret"
        || value == "xxx"
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &[Variable] = &[
        Variable {
            name: "PORT",
            default: "80",
            help: "The port.",
            secret: false,
        },
        Variable {
            name: "KEY",
            default: "",
            help: "The key.",
            secret: true,
        },
    ];

    fn with(values: &[(&str, &str)]) -> Environment {
        let owned = values
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Environment::new(owned.collect::<Vec<_>>(), TABLE)
    }

    #[test]
    fn an_empty_value_is_no_value() {
        assert_eq!(with(&[("PORT", " ")]).parsed::<u16>("PORT"), Ok(80));
        assert_eq!(with(&[("PORT", "81")]).parsed::<u16>("PORT"), Ok(81));
    }

    #[test]
    fn a_bad_value_is_named_but_not_shown() {
        let error = with(&[("PORT", "hunter2")])
            .parsed::<u16>("PORT")
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "PORT: can't be read; a value looks like `80`"
        );
    }

    #[test]
    fn a_secret_comes_from_a_file_and_never_from_an_example() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), "from-file\n").unwrap();
        let path = file.path().to_str().unwrap();
        let secret = with(&[("KEY_FILE", path)]).secret("KEY").unwrap().unwrap();
        assert_eq!(secret.expose_secret(), "from-file");
        assert!(
            with(&[("KEY_FILE", path), ("KEY", "both")])
                .secret("KEY")
                .is_err()
        );
        assert!(
            with(&[("KEY", "your-secret-key-here")])
                .secret("KEY")
                .is_err()
        );
        assert!(with(&[]).secret("KEY").unwrap().is_none());
    }

    #[test]
    fn what_is_not_declared_cannot_be_read() {
        assert!(with(&[("OTHER", "1")]).text("OTHER").is_err());
    }
}
