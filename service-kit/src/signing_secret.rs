//! The secret with which access tokens may be signed in place of keys: both
//! services read it from the same variables.

use secrecy::{ExposeSecret, SecretString};

use crate::environment::{Environment, InvalidVariable, Variable};

/// The fewest bytes that HS256 takes (RFC 7518, section 3.2).
const MIN_BYTES: usize = 32;

/// The secret itself.
pub const JWT_SECRET: Variable = Variable::secret(
    "JWT_SECRET",
    "Signs access tokens with HS256, in place of keys: 32 bytes or more, the same in both services.",
);

/// The secret under another name.
pub const SECRET_KEY: Variable = Variable::secret(
    "SECRET_KEY",
    "The same under another name; JWT_SECRET goes before it.",
);

/// What the secret is for.
pub const ALGORITHM: Variable = Variable::plain(
    "ALGORITHM",
    "",
    "HS256 with JWT_SECRET, EdDSA without it; it follows from JWT_SECRET where it is not set.",
);

/// Reads the secret; `None` where keys sign.
pub fn read(environment: &Environment) -> Result<Option<SecretString>, InvalidVariable> {
    let (name, secret) = match environment.secret(JWT_SECRET.name)? {
        Some(secret) => (JWT_SECRET.name, Some(secret)),
        None => (SECRET_KEY.name, environment.secret(SECRET_KEY.name)?),
    };
    let is_short = |secret: &SecretString| secret.expose_secret().len() < MIN_BYTES;
    if secret.as_ref().is_some_and(is_short) {
        let problem = "must have at least 32 bytes; make one with `openssl rand -hex 32`";
        return Err(InvalidVariable::new(name, problem));
    }
    let algorithm = environment.optional(ALGORITHM.name)?;
    match (algorithm.as_deref(), &secret) {
        (None, _) | (Some("HS256"), Some(_)) | (Some("EdDSA"), None) => Ok(secret),
        (Some("HS256"), None) => Err(InvalidVariable::new(
            ALGORITHM.name,
            "is HS256, which needs JWT_SECRET; set that, or leave ALGORITHM out",
        )),
        _ => Err(InvalidVariable::new(
            ALGORITHM.name,
            "must be HS256 with JWT_SECRET, or EdDSA without it; or leave it out",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: &str = "0123456789abcdef0123456789abcdef";

    fn read_from(values: &[(&str, &str)]) -> Result<Option<String>, String> {
        const TABLE: &[Variable] = &[JWT_SECRET, SECRET_KEY, ALGORITHM];
        let owned = values
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let read = read(&Environment::new(owned.collect::<Vec<_>>(), TABLE));
        read.map(|secret| secret.map(|secret| secret.expose_secret().to_owned()))
            .map_err(|error| error.variable)
    }

    #[test]
    fn a_secret_signs_where_it_is_set() {
        assert_eq!(read_from(&[]), Ok(None));
        assert_eq!(read_from(&[("ALGORITHM", "EdDSA")]), Ok(None));
        let both = [("SECRET_KEY", "x"), ("JWT_SECRET", LONG)];
        assert_eq!(read_from(&both), Ok(Some(LONG.to_owned())));
        let named = [("SECRET_KEY", LONG), ("ALGORITHM", "HS256")];
        assert_eq!(read_from(&named), Ok(Some(LONG.to_owned())));
    }

    #[test]
    fn short_secrets_and_other_algorithms_are_refused() {
        let refused = |values: &[(&str, &str)]| read_from(values).unwrap_err();
        assert_eq!(refused(&[("JWT_SECRET", &LONG[1..])]), "JWT_SECRET");
        assert_eq!(refused(&[("SECRET_KEY", "short")]), "SECRET_KEY");
        assert_eq!(refused(&[("ALGORITHM", "HS256")]), "ALGORITHM");
        for algorithm in ["EdDSA", "HS512", "none", "hs256"] {
            let set = [("JWT_SECRET", LONG), ("ALGORITHM", algorithm)];
            assert_eq!(refused(&set), "ALGORITHM", "{algorithm}");
        }
    }
}
