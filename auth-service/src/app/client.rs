//! Who is at the other end of a request, and what the audit log says of it.

use service_kit::{client_address::ClientAddress, clock::new_id};

use super::App;
use crate::domain::audit::{Act, AuditEntry};

/// The most bytes of a `User-Agent` that are kept.
const MAX_USER_AGENT: usize = 512;

/// Where a request comes from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Client {
    /// The address, as far as proxies can be trusted.
    pub ip: Option<String>,
    /// What the browser or the program calls itself.
    pub user_agent: Option<String>,
}

impl Client {
    /// A client at `ip` that calls itself `user_agent`, cut to what is kept.
    pub fn new(ip: Option<String>, user_agent: Option<&str>) -> Self {
        let user_agent = user_agent.map(|text| {
            let end = text.floor_char_boundary(MAX_USER_AGENT);
            text[..end].to_owned()
        });
        Self { ip, user_agent }
    }
}

impl Client {
    /// What limits count by: the address, or of IPv6 the first 64 bits, since
    /// whoever has one such address has them all. One word for all whose
    /// address is not known.
    pub fn network(&self) -> String {
        self.ip
            .as_deref()
            .map_or_else(|| "unknown".to_owned(), network)
    }
}

/// The network of an address, as limits count by it.
pub(super) fn network(ip: &str) -> String {
    let address = ip.parse().map(ClientAddress);
    address.map_or_else(|_| ip.to_owned(), ClientAddress::network)
}

impl App {
    /// A line of the audit log about now.
    pub(super) fn entry(
        &self,
        act: Act,
        actor: Option<&str>,
        target: Option<&str>,
        client: &Client,
    ) -> AuditEntry {
        AuditEntry {
            id: new_id(self.clock.as_ref(), self.randomness.as_ref()),
            at: self.clock.now(),
            act,
            actor: actor.map(str::to_owned),
            target: target.map(str::to_owned),
            ip: client.ip.clone(),
            detail: None,
        }
    }
}

impl AuditEntry {
    /// The same line with more that is worth knowing.
    #[must_use]
    pub fn with_detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_count_by_network() {
        let of = |ip: Option<&str>| Client::new(ip.map(str::to_owned), None).network();
        assert_eq!(of(Some("198.51.100.7")), "198.51.100.7");
        assert_eq!(of(Some("2001:db8:1:2:3:4:5:6")), "2001:db8:1:2::/64");
        assert_eq!(of(None), "unknown");
    }
}
