//! Secrets that a service makes for itself at first boot and keeps.

use std::{
    fs,
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::Path,
};

use secrecy::SecretString;

use crate::clock::{SystemClock, SystemRandomness, new_id};

/// Reads the secret at `path`; where there is none, writes what `make` gives,
/// readable by this user alone. Of several processes that do this at once one
/// writes and all read the same.
pub fn read_or_create(path: &Path, make: impl FnOnce() -> String) -> io::Result<SecretString> {
    match read(path)? {
        Some(secret) => Ok(secret),
        None => create(path, &make()),
    }
}

/// Reads the secret at `path`, if there is one.
pub fn read(path: &Path) -> io::Result<Option<SecretString>> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(SecretString::from(text.trim().to_owned()))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn create(path: &Path, secret: &str) -> io::Result<SecretString> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    // Two containers on one volume can have the same process id.
    let draft = folder.join(format!(
        ".{name}.{}",
        new_id(&SystemClock, &SystemRandomness)
    ));
    // A hard link fails where the name is taken: the first writer wins, whole.
    let linked = write(&draft, secret).and_then(|()| fs::hard_link(&draft, path));
    // On a disk that is full, it was made and could not be filled.
    let removed = fs::remove_file(&draft);
    match linked {
        Ok(()) => removed.map(|()| SecretString::from(secret.to_owned())),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            read(path)?.ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
        }
        Err(error) => Err(error),
    }
}

fn write(path: &Path, secret: &str) -> io::Result<()> {
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(secret.as_bytes())?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn the_first_secret_stays_and_only_its_owner_reads_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys/token");
        let first = read_or_create(&path, || "one".to_owned()).unwrap();
        let second = read_or_create(&path, || "two".to_owned()).unwrap();
        assert_eq!(first.expose_secret(), "one");
        assert_eq!(second.expose_secret(), "one");
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }
}
