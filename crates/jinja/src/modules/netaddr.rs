//! `netaddr`: addresses and networks, as far as templates look at them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::rc::Rc;

use super::{functions, text_of};
use crate::error::{Error, ErrorKind, Result};
use crate::functions::builtin;
use crate::methods::integer;
use crate::value::{Args, Object, Value, big};

pub(super) fn module() -> Value {
    functions(
        "netaddr",
        [
            (
                "IPAddress",
                builtin("IPAddress", |_, args| {
                    let [text] = args.bind("IPAddress", ["addr"])?;
                    let text = text.unwrap_or(Value::None).text()?;
                    let ip: IpAddr = text.parse().map_err(|_| bad(&text))?;
                    Ok(Value::Object(Rc::new(Address(ip))))
                }),
            ),
            (
                "IPNetwork",
                builtin("IPNetwork", |_, args| {
                    let [text] = args.bind("IPNetwork", ["addr"])?;
                    let text = text.unwrap_or(Value::None).text()?;
                    let network = Network::parse(&text).ok_or_else(|| bad(&text))?;
                    Ok(Value::Object(Rc::new(network)))
                }),
            ),
            ("valid_ipv4", builtin("valid_ipv4", |_, args| valid::<Ipv4Addr>(args, "valid_ipv4"))),
            ("valid_ipv6", builtin("valid_ipv6", |_, args| valid::<Ipv6Addr>(args, "valid_ipv6"))),
        ],
    )
}

fn bad(text: &str) -> Error {
    Error::value_error(format!("invalid address or network {text}"))
}

fn valid<A: std::str::FromStr>(args: Args, name: &str) -> Result<Value> {
    let [text] = args.exactly(name)?;
    Ok(Value::Bool(text_of(&text, name)?.parse::<A>().is_ok()))
}

/// `IPAddress`.
#[derive(Debug, Clone, Copy)]
struct Address(IpAddr);

impl Object for Address {
    fn type_name(&self) -> &str {
        "IPAddress"
    }

    fn attribute(&self, name: &str) -> Result<Option<Value>> {
        Ok(Some(match name {
            "version" => Value::Int(if self.0.is_ipv4() { 4 } else { 6 }),
            "value" => number(bits(self.0))?,
            _ => return Ok(None),
        }))
    }

    fn names(&self) -> Vec<Rc<str>> {
        ["value", "version"].map(Rc::from).to_vec()
    }

    fn text(&self) -> Option<Result<String>> {
        Some(Ok(self.0.to_string()))
    }
}

/// `IPNetwork`: an address and how many of its first bits are those of the network.
#[derive(Debug, Clone, Copy)]
struct Network {
    ip: IpAddr,
    prefix: u32,
}

impl Network {
    /// `address/prefix`, `address/netmask`, or an address alone.
    fn parse(text: &str) -> Option<Self> {
        let (ip, prefix) = text.split_once('/').unwrap_or((text, ""));
        let ip: IpAddr = ip.parse().ok()?;
        let width = width(ip);
        let prefix = match prefix {
            "" => width,
            prefix => match prefix.parse::<u32>() {
                Ok(prefix) => prefix,
                Err(_) => {
                    let mask = prefix
                        .parse::<IpAddr>()
                        .ok()
                        .filter(|mask| mask.is_ipv4() == ip.is_ipv4())?;
                    let ones = (bits(mask) << (128 - width)).leading_ones();
                    let same = Self { ip, prefix: ones }.mask() == bits(mask);
                    same.then_some(ones)?
                }
            },
        };
        (prefix <= width).then_some(Self { ip, prefix })
    }

    fn mask(self) -> u128 {
        let width = width(self.ip);
        let all = u128::MAX >> (128 - width);
        all & !all.checked_shr(self.prefix).unwrap_or(0)
    }

    fn first(self) -> u128 {
        bits(self.ip) & self.mask()
    }

    fn last(self) -> u128 {
        self.first() | (!self.mask() & (u128::MAX >> (128 - width(self.ip))))
    }

    fn address(self, bits: u128) -> Value {
        Value::Object(Rc::new(Address(of_bits(bits, self.ip.is_ipv4()))))
    }
}

impl Object for Network {
    fn type_name(&self) -> &str {
        "IPNetwork"
    }

    fn attribute(&self, name: &str) -> Result<Option<Value>> {
        let network = *self;
        Ok(Some(match name {
            "ip" => Value::Object(Rc::new(Address(self.ip))),
            "network" => network.address(network.first()),
            "netmask" => network.address(network.mask()),
            // A point-to-point network, and one of IPv6, has none.
            "broadcast" if self.ip.is_ipv4() && self.prefix < 31 => network.address(network.last()),
            "broadcast" => Value::None,
            "prefixlen" => Value::Int(self.prefix.into()),
            "version" => Value::Int(if self.ip.is_ipv4() { 4 } else { 6 }),
            "first" => number(network.first())?,
            "last" => number(network.last())?,
            "size" => number((network.last() - network.first()).saturating_add(1))?,
            "cidr" => {
                let ip = of_bits(network.first(), self.ip.is_ipv4());
                Value::Object(Rc::new(Self { ip, prefix: self.prefix }))
            }
            _ => return Ok(None),
        }))
    }

    fn names(&self) -> Vec<Rc<str>> {
        let names = [
            "broadcast",
            "cidr",
            "first",
            "ip",
            "last",
            "netmask",
            "network",
            "prefixlen",
            "size",
            "version",
        ];
        names.map(Rc::from).to_vec()
    }

    fn text(&self) -> Option<Result<String>> {
        Some(Ok(format!("{}/{}", self.ip, self.prefix)))
    }

    fn item(&self, key: &Value) -> Option<Result<Value>> {
        let found = integer(key).and_then(|at| {
            let far = u128::from(at.unsigned_abs());
            let (first, last) = (self.first(), self.last());
            let bits = if at < 0 { last.checked_sub(far - 1) } else { first.checked_add(far) };
            let bits = bits.filter(|bits| (first..=last).contains(bits));
            bits.map(|bits| self.address(bits)).ok_or_else(|| {
                Error::new(ErrorKind::Index, format!("the network has no address {at}"))
            })
        });
        Some(found)
    }
}

fn width(ip: IpAddr) -> u32 {
    if ip.is_ipv4() { 32 } else { 128 }
}

fn bits(ip: IpAddr) -> u128 {
    match ip {
        IpAddr::V4(ip) => ip.to_bits().into(),
        IpAddr::V6(ip) => ip.to_bits(),
    }
}

fn of_bits(bits: u128, v4: bool) -> IpAddr {
    match u32::try_from(bits) {
        Ok(bits) if v4 => Ipv4Addr::from_bits(bits).into(),
        _ => Ipv6Addr::from_bits(bits).into(),
    }
}

fn number(value: u128) -> Result<Value> {
    big(num_bigint::BigInt::from(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks() {
        let table = [
            ("10.1.2.3/24", 24, "10.1.2.0", "10.1.2.255"),
            ("10.1.2.3/255.255.0.0", 16, "10.1.0.0", "10.1.255.255"),
            ("10.1.2.3", 32, "10.1.2.3", "10.1.2.3"),
            ("0.0.0.0/0", 0, "0.0.0.0", "255.255.255.255"),
            ("1234::/71", 71, "1234::", "1234::1ff:ffff:ffff:ffff"),
            ("::1/0", 0, "::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
        ];
        for (text, prefix, first, last) in table {
            let network = Network::parse(text).unwrap();
            assert_eq!(network.prefix, prefix, "{text}");
            let v4 = network.ip.is_ipv4();
            assert_eq!(of_bits(network.first(), v4).to_string(), first, "{text}");
            assert_eq!(of_bits(network.last(), v4).to_string(), last, "{text}");
        }
        for text in ["", "10.0.0.0/33", "10.0.0.0/255.0.255.0", "x", "::/129", "1.2.3.4/ffff::"] {
            assert!(Network::parse(text).is_none(), "{text}");
        }
    }
}
