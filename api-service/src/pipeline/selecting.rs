//! Which paths are wanted, by patterns such as `docs/**` and `*.md`.

use globset::{Glob, GlobSet, GlobSetBuilder};

/// A pattern that can't be read.
#[derive(Debug, thiserror::Error)]
#[error("the pattern can't be read")]
pub struct InvalidPattern(#[from] globset::Error);

/// Which paths are wanted.
#[derive(Debug, Default)]
pub struct Selection {
    include: Option<GlobSet>,
    exclude: Option<GlobSet>,
}

impl Selection {
    /// Paths that match one of `include` (all where there is none) and none of
    /// `exclude`. Neither patterns nor paths need begin with a slash.
    pub fn new(include: &[String], exclude: &[String]) -> Result<Self, InvalidPattern> {
        Ok(Self {
            include: set(include)?,
            exclude: set(exclude)?,
        })
    }

    /// Whether a path is wanted.
    pub fn wants(&self, path: &str) -> bool {
        let path = path.trim_start_matches('/');
        self.include.as_ref().is_none_or(|set| set.is_match(path))
            && !self.exclude.as_ref().is_some_and(|set| set.is_match(path))
    }
}

fn set(patterns: &[String]) -> Result<Option<GlobSet>, InvalidPattern> {
    if patterns.is_empty() {
        return Ok(None);
    }
    let mut builder = GlobSetBuilder::new();
    for pattern in patterns {
        builder.add(Glob::new(pattern.trim_start_matches('/'))?);
    }
    Ok(Some(builder.build()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_wanted_with_or_without_its_slash() {
        let owned = |patterns: &[&str]| patterns.iter().map(|text| (*text).to_owned()).collect();
        let (include, exclude): (Vec<_>, Vec<_>) = (owned(&["/docs/**"]), owned(&["**/old/*"]));
        let selection = Selection::new(&include, &exclude).unwrap();
        for (path, wanted) in [
            ("/docs/a", true),
            ("docs/a/b.md", true),
            ("/blog/a", false),
            ("/docs/old/a", false),
        ] {
            assert_eq!(selection.wants(path), wanted, "{path}");
        }
        assert!(Selection::new(&owned(&["docs/[a"]), &[]).is_err());
        assert!(Selection::default().wants("/anything"));
    }
}
