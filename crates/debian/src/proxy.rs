//! Which proxy serves which host: pure, by apt's rules.
//!
//! `Acquire::http::Proxy::HOST`, then `Acquire::http::Proxy`, then the variable `http_proxy`;
//! for https the same names with `https` come first. `DIRECT` means none, and so does a host
//! listed in `no_proxy`, whatever the configuration says.

use crate::apt_conf::AptConf;

/// The proxy variables of the environment, read by whoever calls this crate.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProxyEnvironment {
    /// `http_proxy`
    pub http_proxy: Option<String>,
    /// `https_proxy`
    pub https_proxy: Option<String>,
    /// `no_proxy`: host names, or domains with a leading dot, separated by commas.
    pub no_proxy: Option<String>,
}

/// Apt's configuration and the environment together.
#[derive(Debug, Clone, Default)]
pub(crate) struct Proxies {
    pub(crate) conf: AptConf,
    pub(crate) environment: ProxyEnvironment,
}

impl Proxies {
    /// URL of the proxy for `host` under `scheme` (`http` or `https`), if one serves it.
    pub(crate) fn of(&self, scheme: &str, host: &str) -> Option<String> {
        if self.environment.excludes(host) {
            return None;
        }
        let schemes: &[&str] = if scheme == "https" { &["https", "http"] } else { &["http"] };
        let configured = |suffix: &str| {
            schemes.iter().find_map(|s| self.conf.get(&format!("Acquire::{s}::Proxy{suffix}")))
        };
        let variable = || match scheme {
            "https" => {
                self.environment.https_proxy.as_deref().or(self.environment.http_proxy.as_deref())
            }
            _ => self.environment.http_proxy.as_deref(),
        };
        configured(&format!("::{host}"))
            .or_else(|| configured(""))
            .filter(|value| !value.is_empty())
            .or_else(variable)
            .filter(|value| !value.is_empty() && *value != "DIRECT" && *value != "false")
            .map(str::to_owned)
    }
}

impl ProxyEnvironment {
    fn excludes(&self, host: &str) -> bool {
        let list = self.no_proxy.as_deref().unwrap_or_default();
        list.split(',').map(str::trim).filter(|item| !item.is_empty()).any(|item| {
            match item.strip_prefix('.') {
                Some(_) => host.ends_with(item),
                None => host == item || item == "*",
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_rule_that_speaks_decides() {
        let conf = "Acquire::http::Proxy \"http://all:1\"; Acquire::http::Proxy::own.example \"http://own:2\"; \
                    Acquire::http::Proxy::near.example \"DIRECT\";";
        let table = [
            (conf, "http", "any.example", Some("http://all:1")),
            (conf, "https", "any.example", Some("http://all:1")),
            (conf, "http", "own.example", Some("http://own:2")),
            (conf, "http", "near.example", None),
            (conf, "http", "a.off.example", None),
            (conf, "http", "listed", None),
            ("", "http", "any.example", Some("http://env:3")),
            ("", "https", "any.example", Some("http://env:4")),
            ("", "https", "listed", None),
            ("Acquire::http::Proxy \"\";", "http", "any.example", Some("http://env:3")),
            ("Acquire::https::Proxy \"DIRECT\";", "https", "any.example", None),
        ];
        for (conf, scheme, host, wished) in table {
            let proxies = Proxies {
                conf: AptConf::from_text(conf),
                environment: ProxyEnvironment {
                    http_proxy: Some("http://env:3".to_owned()),
                    https_proxy: Some("http://env:4".to_owned()),
                    no_proxy: Some("listed, .off.example".to_owned()),
                },
            };
            assert_eq!(proxies.of(scheme, host).as_deref(), wished, "{conf} {scheme} {host}");
        }
    }
}
