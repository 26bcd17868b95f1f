//! `slapos.cookbook:free_port`: a TCP port on which nothing listens, kept once it was found.
//!
//! In: `ip`, `minimum` (1024), `maximum` (49151, exclusive). Out: `port`, `0` if none is free.

use std::net::{IpAddr, TcpListener};

use super::{Kind, OptionsOnly, Recipe};
use crate::engine::{Scope, Stop};
use crate::error::{Code, Result};

pub(super) static KINDS: [Kind; 1] = [Kind::new(&["slapos.cookbook:free_port"], make)];

fn make(scope: &mut Scope<'_, '_>) -> Result<Box<dyn Recipe>, Stop> {
    let ip = scope.required("ip")?;
    let ip: IpAddr = match ip.trim().parse() {
        Ok(ip) => ip,
        Err(_) => {
            return Err(scope
                .fault("ip", Code::BadOption, format!("`{ip}` is no IP address"))
                .into());
        }
    };
    let (minimum, maximum) = (number(scope, "minimum", 1024)?, number(scope, "maximum", 49151)?);
    let same_address = scope.previous("ip").and_then(|ip| ip.trim().parse().ok()) == Some(ip);
    let kept = scope.previous("port").filter(|port| *port != "0" && same_address);
    let port = match kept.and_then(|port| port.parse().ok()) {
        Some(port) => port,
        None => (minimum..maximum).find(|port| TcpListener::bind((ip, *port)).is_ok()).unwrap_or(0),
    };
    scope.set_open("port", port.to_string());
    Ok(Box::new(OptionsOnly))
}

fn number(scope: &mut Scope<'_, '_>, option: &str, otherwise: u16) -> Result<u16, Stop> {
    match scope.text(option)? {
        None => Ok(otherwise),
        Some(text) => text.trim().parse().map_err(|_| {
            scope.fault(option, Code::BadOption, format!("`{text}` is no port number")).into()
        }),
    }
}
