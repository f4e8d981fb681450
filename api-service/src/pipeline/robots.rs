//! What a host asks of programs that read its pages (RFC 9309).

use std::time::Duration;

use percent_encoding::{CONTROLS, utf8_percent_encode};

/// What is read of a `robots.txt`: the least that a reader must take (RFC 9309,
/// section 2.5).
pub const LARGEST: usize = 500 * 1024;

/// More rules than this are no rules.
const MOST_RULES: usize = 10_000;

/// What holds for us on one host.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Robots {
    rules: Vec<Rule>,
    /// How long we are to wait between two requests, if that is said.
    pub crawl_delay: Option<Duration>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Rule {
    pattern: String,
    allows: bool,
}

impl Robots {
    /// What the text says for the program of this name: the groups that name
    /// it, or else those for all.
    pub fn parse(text: &str, agent: &str) -> Self {
        let (mut ours, mut named) = (Self::default(), false);
        let mut all = Self::default();
        let (mut for_us, mut for_all, mut in_rules) = (false, false, true);
        for line in text.trim_start_matches('\u{feff}').lines() {
            let line = line.split('#').next().unwrap_or_default();
            let Some((key, value)) = line.split_once(':') else {
                continue;
            };
            let (key, value) = (key.trim().to_ascii_lowercase(), value.trim());
            if key == "user-agent" {
                // Several names in a row begin one group.
                if in_rules {
                    (for_us, for_all, in_rules) = (false, false, false);
                }
                for_us |= value.eq_ignore_ascii_case(agent);
                for_all |= value == "*";
                named |= for_us;
                continue;
            }
            let is_ours = matches!(key.as_str(), "allow" | "disallow" | "crawl-delay");
            in_rules |= is_ours;
            if is_ours && for_us {
                ours.add(&key, value);
            }
            if is_ours && for_all {
                all.add(&key, value);
            }
        }
        if named { ours } else { all }
    }

    fn add(&mut self, key: &str, value: &str) {
        if key == "crawl-delay" {
            let seconds = value.parse().ok();
            let delay = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
            self.crawl_delay = delay.or(self.crawl_delay);
        } else if !value.is_empty() && self.rules.len() < MOST_RULES {
            self.rules.push(Rule {
                // As addresses have it.
                pattern: utf8_percent_encode(value, CONTROLS).to_string(),
                allows: key == "allow",
            });
        }
    }

    /// Whether a path, with its query, may be asked for: the longest rule that
    /// fits decides, and of two as long the one that allows.
    pub fn allows(&self, path: &str) -> bool {
        let fitting = self.rules.iter().filter(|rule| fits(&rule.pattern, path));
        let decides = fitting.max_by_key(|rule| (rule.pattern.len(), rule.allows));
        path == "/robots.txt" || decides.is_none_or(|rule| rule.allows)
    }
}

/// Whether a pattern fits a path: `*` stands for anything, and a `$` at the end
/// for the path's end.
fn fits(pattern: &str, path: &str) -> bool {
    let Some(whole) = pattern.strip_suffix('$') else {
        return begins(pattern, path);
    };
    match whole.rsplit_once('*') {
        None => whole == path,
        Some((before, last)) => path
            .strip_suffix(last)
            .is_some_and(|rest| begins(before, rest)),
    }
}

/// Whether a path begins as a pattern says.
fn begins(pattern: &str, path: &str) -> bool {
    let mut pieces = pattern.split('*');
    let Some(mut rest) = path.strip_prefix(pieces.next().unwrap_or_default()) else {
        return false;
    };
    for piece in pieces {
        // The first place that fits leaves the most for what follows.
        match rest.find(piece) {
            Some(place) => rest = &rest[place + piece.len()..],
            None => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allows(text: &str, path: &str) -> bool {
        Robots::parse(text, "lectern").allows(path)
    }

    #[test]
    fn the_longest_rule_decides() {
        let text = "User-agent: *\nDisallow: /\nAllow: /docs/\nDisallow: /docs/old # no more\n";
        for (path, may) in [
            ("/", false),
            ("/docs/", true),
            ("/docs/a?b", true),
            ("/docs/older", false),
            ("/robots.txt", true),
        ] {
            assert_eq!(allows(text, path), may, "{path}");
        }
        assert!(allows("User-agent: *\nDisallow: /a\nAllow: /a", "/a"));
        assert!(!allows("User-agent: *\nDisallow: /é", "/%C3%A9t"));
    }

    #[test]
    fn our_own_group_goes_before_the_one_for_all() {
        let text = "user-agent: other\nuser-agent: Lectern\ndisallow: /mine\n\n\
                    User-Agent: *\nDisallow: /\nUSER-AGENT: lectern\ndisallow: /too";
        assert!(allows(text, "/others"));
        assert!(!allows(text, "/mine") && !allows(text, "/too"));
        let other = "user-agent: lecterns\ndisallow: /";
        assert!(allows(other, "/"));
        assert!(allows(
            "User-agent: lectern\nAllow: /a\n\nUser-agent: *\nDisallow: /",
            "/b"
        ));
    }

    #[test]
    fn stars_and_ends_are_understood() {
        for (pattern, path, fit) in [
            ("/*.pdf$", "/a/b.pdf", true),
            ("/*.pdf$", "/a.pdf/b.pdf", true),
            ("/*.pdf$", "/a.pdf?x", false),
            ("/a$", "/a", true),
            ("/a$", "/ab", false),
            ("*/private", "/x/private/y", true),
            ("/a*b*c", "/a-c-b-c", true),
            ("/a*b*c", "/a-c-b", false),
            ("/*", "/", true),
            ("/a*$", "/abc", true),
        ] {
            assert_eq!(fits(pattern, path), fit, "{pattern} {path}");
        }
    }

    #[test]
    fn the_delay_is_read_and_nonsense_is_none() {
        let delay = |text: &str| Robots::parse(text, "lectern").crawl_delay;
        assert_eq!(
            delay("User-agent: *\nCrawl-delay: 1.5"),
            Some(Duration::from_millis(1500))
        );
        for nonsense in ["-1", "soon", "NaN", "1e400", ""] {
            assert_eq!(
                delay(&format!("User-agent: *\nCrawl-delay: {nonsense}")),
                None
            );
        }
        for text in [
            "",
            "\u{feff}<html>no rules: at all</html>",
            "Disallow: /",
            "::::\n#\n",
        ] {
            assert_eq!(Robots::parse(text, "lectern"), Robots::default(), "{text}");
        }
    }

    /// Patterns full of stars must not take long.
    #[test]
    fn hostile_patterns_take_no_time() {
        let text = format!("User-agent: *\nDisallow: /{}x$", "*a".repeat(5_000));
        assert!(allows(&text, &format!("/{}", "a".repeat(20_000))));
    }
}
