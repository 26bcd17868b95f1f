//! What the single-node proxy answers to requests for the frontends of two historical releases: it
//! has none, so it publishes in their place what leads to the service itself (protocol, section 15).

use slapos_core::world::Dictionary;
use slapos_wire::classic::call::Request;

use crate::http::seen_url::SeenUrl;

const WEB: &str =
    "http://git.erp5.org/gitweb/slapos.git/blob_plain/HEAD:/software/apache-frontend/software.cfg";
const SCREEN: &str = "http://git.erp5.org/gitweb/slapos.git/blob_plain/refs/tags/slapos-0.92:\
                      /software/kvm/software.cfg";

/// The connection of the frontend that is asked for; `None` when it is another instance.
pub(super) fn connection(ask: &Request, seen: Option<&SeenUrl>) -> Option<Dictionary> {
    let software_type = ask.software_type.as_str();
    match ask.software_release.as_str() {
        _ if !ask.is_shared => None,
        WEB if matches!(software_type, "default" | "RootSoftwareInstance") => {
            web(ask.parameters.get("url")?, seen)
        }
        SCREEN if software_type == "frontend" => {
            screen(ask.parameters.get("host")?, ask.parameters.get("port")?)
        }
        _ => None,
    }
}

/// The service's own URL. Who asks with TLS is led through this master, so that the way is not
/// less safe than what was asked for.
fn web(url: &str, seen: Option<&SeenUrl>) -> Option<Dictionary> {
    if url.is_empty() {
        return None;
    }
    let secure = match seen.filter(|seen| seen.https) {
        Some(seen) => {
            let (scheme, rest) = url.split_once("://")?;
            seen.join(&format!("/http_proxy/{scheme}/{rest}"))
        }
        None => url.to_owned(),
    };
    let domain = secure.split_once("://").map_or("", |(_, rest)| rest);
    let domain = domain.split(['/', '?', '#']).next().unwrap_or_default().to_owned();
    Some([("domain".to_owned(), domain), ("secure_access".to_owned(), secure)].into())
}

fn screen(host: &str, port: &str) -> Option<Dictionary> {
    if host.is_empty() || port.is_empty() {
        return None;
    }
    let bare_ipv6 = host.contains(':') && !host.starts_with('[');
    let host = if bare_ipv6 { format!("[{host}]") } else { host.to_owned() };
    let url = format!("https://{host}:{port}/");
    let texts =
        [("domainname", host), ("path", "/".to_owned()), ("port", port.to_owned()), ("url", url)];
    Some(texts.map(|(name, text)| (name.to_owned(), text)).into())
}
