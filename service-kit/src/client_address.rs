//! Whose address a request comes from: the peer's, unless the peer is a proxy
//! that may say for whom it asks.

use std::{
    net::{IpAddr, Ipv6Addr, SocketAddr},
    str::FromStr,
    sync::Arc,
};

use axum::{
    extract::{ConnectInfo, Request, State},
    http::{HeaderMap, HeaderName},
    middleware::Next,
    response::Response,
};
use ipnet::IpNet;

/// The header in which each proxy adds the address it was asked from, at the
/// right end. It has no standard: whoever asks first may write anything in it.
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The address a request comes from, as far as it can be trusted. It stands
/// among a request's extensions once [`note`] has seen it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientAddress(pub IpAddr);

impl ClientAddress {
    /// What limits count by: the address, or of IPv6 the first 64 bits, since
    /// whoever has one such address has them all.
    pub fn network(self) -> String {
        match self.0.to_canonical() {
            IpAddr::V4(address) => address.to_string(),
            IpAddr::V6(address) => {
                let [a, b, c, d, ..] = address.segments();
                format!("{}/64", Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
            }
        }
    }
}

/// The proxies whose `X-Forwarded-For` is believed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrustedProxies(Vec<IpNet>);

/// A text is no list of addresses and networks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidProxies;

impl FromStr for TrustedProxies {
    type Err = InvalidProxies;

    /// Reads addresses and networks with commas between them, such as
    /// `10.0.0.0/8, ::1`. An empty text is nobody.
    fn from_str(text: &str) -> Result<Self, InvalidProxies> {
        let listed = text.split(',').map(str::trim).filter(|one| !one.is_empty());
        let networks = listed.map(|one| match one.parse::<IpAddr>() {
            Ok(address) => Ok(IpNet::from(address.to_canonical())),
            Err(_) => one.parse::<IpNet>().map_err(|_| InvalidProxies),
        });
        Ok(Self(networks.collect::<Result<_, _>>()?))
    }
}

impl TrustedProxies {
    /// For whom `peer` asks: itself, unless it is trusted. Then the right-most
    /// address of `X-Forwarded-For` that is not trusted, since each trusted one
    /// vouches for the one to its left. What is no address ends the walk: the
    /// last proxy that vouched is all that is known.
    pub fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut client = peer.to_canonical();
        let lines = headers.get_all(FORWARDED_FOR).iter().rev();
        let mut named = lines.flat_map(|line| line.as_bytes().rsplit(|byte| *byte == b','));
        while self.trusts(client) {
            match named.next().and_then(read_address) {
                Some(address) => client = address,
                None => break,
            }
        }
        client
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }
}

/// An address, perhaps with a port, IPv6 perhaps in brackets. IPv4 in the
/// clothes of IPv6 (`::ffff:192.0.2.1`) is IPv4.
fn read_address(text: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(text).ok()?.trim();
    let bare = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(text);
    let address = match bare.parse::<IpAddr>() {
        Ok(address) => address,
        Err(_) => text.parse::<SocketAddr>().ok()?.ip(),
    };
    Some(address.to_canonical())
}

/// A middleware that notes the [`ClientAddress`] of each request, where the
/// peer is known.
pub async fn note(
    State(proxies): State<Arc<TrustedProxies>>,
    mut request: Request,
    next: Next,
) -> Response {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
    if let Some(ConnectInfo(peer)) = peer {
        let client = proxies.client(peer.ip(), request.headers());
        request.extensions_mut().insert(ClientAddress(client));
    }
    next.run(request).await
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn client(trusted: &str, peer: &str, lines: &[&str]) -> String {
        let proxies: TrustedProxies = trusted.parse().unwrap();
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(FORWARDED_FOR, HeaderValue::from_str(line).unwrap());
        }
        proxies.client(peer.parse().unwrap(), &headers).to_string()
    }

    #[test]
    fn who_is_not_trusted_asks_for_itself() {
        assert_eq!(client("", "192.0.2.1", &["198.51.100.7"]), "192.0.2.1");
        let other = client("10.0.0.0/8", "192.0.2.1", &["198.51.100.7"]);
        assert_eq!(other, "192.0.2.1");
        assert_eq!(client("10.0.0.0/8", "10.1.2.3", &[]), "10.1.2.3");
    }

    #[test]
    fn the_right_most_address_that_is_not_trusted_counts() {
        let behind = |lines: &[&str]| client("10.0.0.0/8, ::1", "10.0.0.1", lines);
        assert_eq!(behind(&["198.51.100.7"]), "198.51.100.7");
        // What a client writes itself stands to the left.
        assert_eq!(behind(&["203.0.113.9, 198.51.100.7"]), "198.51.100.7");
        assert_eq!(behind(&["198.51.100.7, 10.0.0.2, ::1"]), "198.51.100.7");
        assert_eq!(
            behind(&["203.0.113.9", "198.51.100.7", "10.9.9.9"]),
            "198.51.100.7"
        );
        assert_eq!(behind(&["10.0.0.3, 10.0.0.2"]), "10.0.0.3");
    }

    #[test]
    fn what_is_no_address_ends_the_walk() {
        let behind = |line: &str| client("10.0.0.0/8", "10.0.0.1", &[line]);
        assert_eq!(behind("198.51.100.7, unknown"), "10.0.0.1");
        assert_eq!(behind("198.51.100.7, unknown, 10.0.0.2"), "10.0.0.2");
        assert_eq!(behind(""), "10.0.0.1");
        assert_eq!(behind("198.51.100.7,"), "10.0.0.1");
    }

    #[test]
    fn ports_brackets_and_mapped_addresses_are_read() {
        let behind = |line: &str| client("127.0.0.1", "::ffff:127.0.0.1", &[line]);
        assert_eq!(behind("198.51.100.7:4711"), "198.51.100.7");
        assert_eq!(behind("[2001:db8::7]:4711"), "2001:db8::7");
        assert_eq!(behind("[2001:db8::7]"), "2001:db8::7");
        assert_eq!(behind("2001:db8::7"), "2001:db8::7");
        assert_eq!(behind("::ffff:198.51.100.7"), "198.51.100.7");
    }

    #[test]
    fn a_list_of_proxies_is_read_or_refused() {
        assert_eq!(" , ".parse(), Ok(TrustedProxies::default()));
        assert!("10.0.0.0/8,::1,192.0.2.1".parse::<TrustedProxies>().is_ok());
        for wrong in ["localhost", "10.0.0.0/33", "10.0.0", "*"] {
            assert_eq!(
                wrong.parse::<TrustedProxies>(),
                Err(InvalidProxies),
                "{wrong}"
            );
        }
    }

    proptest! {
        #[test]
        fn nobody_writes_themselves_another_address(
            line in "[0-9a-f:., \\[\\]x]{0,60}", real in any::<[u8; 4]>()
        ) {
            let real = IpAddr::from(real);
            let proxies: TrustedProxies = "10.0.0.1".parse().unwrap();
            prop_assume!(!proxies.trusts(real));
            let mut headers = HeaderMap::new();
            let line = format!("{line}, {real}");
            headers.append(FORWARDED_FOR, HeaderValue::from_str(&line).unwrap());
            let proxy = "10.0.0.1".parse().unwrap();
            prop_assert_eq!(proxies.client(proxy, &headers), real);
            prop_assert_eq!(TrustedProxies::default().client(real, &headers), real);
        }

        #[test]
        fn any_bytes_are_an_address_or_nothing(bytes in any::<Vec<u8>>()) {
            if let Some(address) = read_address(&bytes) {
                prop_assert_eq!(read_address(address.to_string().as_bytes()), Some(address));
            }
        }
    }
}
