//! Which addresses may be connected to: public ones, and those of networks that
//! an operator allows. The connection is made to the address that was looked at
//! here, so that a name can't mean another one a moment later.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
};

use async_trait::async_trait;
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

use crate::app::ports::FetchError;

/// Blocks of IPv4 that are not public (IANA's special-purpose registry, and
/// multicast).
const NOT_PUBLIC_V4: &[Ipv4Net] = &[
    // This network; on many systems it means the machine itself.
    v4([0, 0, 0, 0], 8),
    v4([10, 0, 0, 0], 8),
    // Carriers' own.
    v4([100, 64, 0, 0], 10),
    v4([127, 0, 0, 0], 8),
    // Link-local, where clouds keep their credentials.
    v4([169, 254, 0, 0], 16),
    v4([172, 16, 0, 0], 12),
    v4([192, 0, 0, 0], 24),
    v4([192, 0, 2, 0], 24),
    v4([192, 88, 99, 0], 24),
    v4([192, 168, 0, 0], 16),
    v4([198, 18, 0, 0], 15),
    v4([198, 51, 100, 0], 24),
    v4([203, 0, 113, 0], 24),
    v4([224, 0, 0, 0], 4),
    v4([240, 0, 0, 0], 4),
];

/// All of IPv6 that is public lies in here: neither `::1`, nor unique-local,
/// link-local, multicast, IPv4-mapped, -compatible or -translated (NAT64) ones.
const PUBLIC_V6: Ipv6Net = v6([0x2000, 0], 3);

/// Blocks in there that are not public.
const NOT_PUBLIC_V6: &[Ipv6Net] = &[
    // Protocols' own: Teredo, benchmarking, ORCHID.
    v6([0x2001, 0], 23),
    v6([0x2001, 0xdb8], 32),
    // 6to4, which leads to an IPv4 address.
    v6([0x2002, 0], 16),
    v6([0x3fff, 0], 20),
];

const fn v4(octets: [u8; 4], bits: u8) -> Ipv4Net {
    let [a, b, c, d] = octets;
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), bits)
}

const fn v6(begin: [u16; 2], bits: u8) -> Ipv6Net {
    let [first, second] = begin;
    Ipv6Net::new_assert(Ipv6Addr::new(first, second, 0, 0, 0, 0, 0, 0), bits)
}

fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => !NOT_PUBLIC_V4.iter().any(|block| block.contains(&address)),
        IpAddr::V6(address) => {
            PUBLIC_V6.contains(&address)
                && !NOT_PUBLIC_V6.iter().any(|block| block.contains(&address))
        }
    }
}

/// Looks up the addresses of a host.
#[async_trait]
pub trait LookUp: Send + Sync {
    /// All addresses of the host of this name.
    async fn look_up(&self, host: &str) -> io::Result<Vec<IpAddr>>;
}

/// Looks up as this machine does.
#[derive(Debug, Default, Clone, Copy)]
pub struct SystemLookUp;

#[async_trait]
impl LookUp for SystemLookUp {
    async fn look_up(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        let found = tokio::net::lookup_host((host, 0)).await?;
        Ok(found.map(|address| address.ip()).collect())
    }
}

/// Lets through what may be connected to.
#[derive(Clone)]
pub struct Guard {
    look_up: Arc<dyn LookUp>,
    allowed: Arc<[IpNet]>,
}

impl Guard {
    /// A guard that lets `allowed` networks through beside what is public.
    pub fn new(look_up: Arc<dyn LookUp>, allowed: &[IpNet]) -> Self {
        Self {
            look_up,
            allowed: allowed.into(),
        }
    }

    fn allows(&self, address: IpAddr) -> bool {
        is_public(address)
            || self
                .allowed
                .iter()
                .any(|network| network.contains(&address))
    }

    /// The addresses of a host, if all of them may be connected to.
    async fn resolve(&self, host: &str) -> Result<Vec<IpAddr>, FetchError> {
        let found = self.look_up.look_up(host).await;
        let found = found.map_err(|_| FetchError::HostNotFound)?;
        if found.is_empty() {
            return Err(FetchError::HostNotFound);
        }
        if found.iter().all(|address| self.allows(*address)) {
            Ok(found)
        } else {
            Err(FetchError::AddressNotAllowed)
        }
    }

    /// Refuses an address in the URL itself, which nobody looks up: `Url` has
    /// made the usual form of decimal, octal and hexadecimal ones already.
    pub fn check_literal(&self, url: &Url) -> Result<(), FetchError> {
        let literal = match url.host() {
            None => return Err(FetchError::InvalidAddress),
            Some(Host::Domain(_)) => return Ok(()),
            Some(Host::Ipv4(address)) => IpAddr::V4(address),
            Some(Host::Ipv6(address)) => IpAddr::V6(address),
        };
        if self.allows(literal) {
            Ok(())
        } else {
            Err(FetchError::AddressNotAllowed)
        }
    }

    /// The addresses that a URL's host may be connected to at.
    pub async fn addresses(&self, url: &Url) -> Result<Vec<IpAddr>, FetchError> {
        self.check_literal(url)?;
        match url.host() {
            Some(Host::Domain(name)) => self.resolve(name).await,
            Some(Host::Ipv4(address)) => Ok(vec![address.into()]),
            Some(Host::Ipv6(address)) => Ok(vec![address.into()]),
            None => Err(FetchError::InvalidAddress),
        }
    }
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let guard = self.clone();
        Box::pin(async move {
            let found = Self::resolve(&guard, name.as_str()).await?;
            // The port is the URL's own.
            let found = found.into_iter().map(|address| SocketAddr::new(address, 0));
            Ok(Box::new(found) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Nowhere;

    #[async_trait]
    impl LookUp for Nowhere {
        async fn look_up(&self, _: &str) -> io::Result<Vec<IpAddr>> {
            Ok(vec![])
        }
    }

    fn check(url: &str, allowed: &[IpNet]) -> Result<(), FetchError> {
        Guard::new(Arc::new(Nowhere), allowed).check_literal(&Url::parse(url).unwrap())
    }

    const NOT_PUBLIC: &str = "0.0.0.0 0.1.2.3 10.0.0.1 100.64.0.1 100.127.255.255 127.0.0.1 127.255.255.254 \
        169.254.169.254 172.16.0.1 172.31.255.255 192.0.0.8 192.0.2.1 192.88.99.1 \
        192.168.1.1 198.18.0.1 198.19.255.255 198.51.100.1 203.0.113.1 224.0.0.1 \
        239.255.255.255 240.0.0.1 255.255.255.255 2130706433 0x7f000001 017700000001 \
        0x7f.1 127.1 127.0.1 0300.0250.1.1 [::] [::1] [::127.0.0.1] [::ffff:127.0.0.1] \
        [::ffff:8.8.8.8] [::ffff:0:127.0.0.1] [64:ff9b::7f00:1] [64:ff9b:1::1] \
        [100::1] [2001::1] [2001:2::1] [2001:10::1] [2001:db8::1] [2002:7f00:1::] \
        [2002:a00:1::1] [3fff::1] [5f00::1] [fc00::1] [fd00:ec2::254] [fe80::1] \
        [fec0::1] [ff02::1]";

    const PUBLIC: &str = "1.1.1.1 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 172.15.255.255 \
        172.32.0.0 192.0.1.0 198.17.255.255 198.20.0.0 223.255.255.255 \
        [2606:4700::1111] [2001:200::1] [2003::1] [2a00::1]";

    #[test]
    fn addresses_that_are_not_public_are_refused_however_they_are_written() {
        for host in NOT_PUBLIC.split(' ') {
            let refused = check(&format!("http://{host}/"), &[]);
            assert_eq!(refused, Err(FetchError::AddressNotAllowed), "{host}");
        }
        for host in PUBLIC.split(' ') {
            assert_eq!(check(&format!("http://{host}/"), &[]), Ok(()), "{host}");
        }
    }

    #[test]
    fn networks_that_are_allowed_are_let_through_and_no_more() {
        let allowed: Vec<IpNet> = vec!["10.1.0.0/16".parse().unwrap(), "fd00::/8".parse().unwrap()];
        assert_eq!(check("http://10.1.2.3/", &allowed), Ok(()));
        assert_eq!(check("http://[fd12::1]/", &allowed), Ok(()));
        let refused = Err(FetchError::AddressNotAllowed);
        assert_eq!(check("http://10.2.0.1/", &allowed), refused);
        assert_eq!(check("http://[::ffff:10.1.2.3]/", &allowed), refused);
    }
}
