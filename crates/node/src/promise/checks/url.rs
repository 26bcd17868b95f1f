//! Asks a URL.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use camino::Utf8Path;
use ureq::tls::{Certificate, ClientCert, PrivateKey, RootCerts, TlsConfig};

use super::{Outcome, below, shown};
use crate::files::read_below;
use crate::promise::description::{Authority, UrlCheck};

/// A file of certificates is not longer.
const PEM_BYTES_MAX: usize = 1 << 20;
/// So many times a server may send us elsewhere.
const REDIRECTS_MAX: u32 = 10;

/// Whether the URL answers as it shall. Files are those of the partition.
pub(super) fn available(partition: &Utf8Path, asked: &UrlCheck) -> Outcome {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(asked.timeout))
        .max_redirects(if asked.follow { REDIRECTS_MAX } else { 0 })
        .max_redirects_will_error(false)
        .proxy(None) // the services of a partition are reached directly
        .tls_config(tls(partition, asked)?)
        .build()
        .into();
    let mut request = agent.get(&asked.url);
    if let Some([user, password]) = &asked.login {
        let login = BASE64_STANDARD.encode(format!("{user}:{password}"));
        request = request.header("Authorization", format!("Basic {login}"));
    }
    let url = shown(&asked.url);
    let seen = match request.call() {
        Ok(response) => response.status().as_u16(),
        Err(error @ (ureq::Error::Tls(_) | ureq::Error::Rustls(_) | ureq::Error::Pem(_))) => {
            return Err(format!("ERROR SSL error while accessing {url}: {error}"));
        }
        Err(ureq::Error::Io(_) | ureq::Error::ConnectionFailed | ureq::Error::HostNotFound) => {
            return Err(format!("ERROR connection not possible while accessing {url}"));
        }
        Err(error) => return Err(format!("ERROR: {error}")),
    };
    let kind = if asked.login.is_some() { "authenticated" } else { "non-authenticated" };
    let told = |end: String, result: &str| format!("{kind} request to {url} {result} ({end})");
    match asked.code {
        None => Ok(told("return code ignored".into(), "succeeded")),
        Some(code) if code == seen => {
            Ok(told(format!("returned expected code {code}"), "succeeded"))
        }
        Some(code) => Err(told(format!("returned {seen}, expected {code}"), "failed")),
    }
}

fn tls(partition: &Utf8Path, asked: &UrlCheck) -> Result<TlsConfig, String> {
    let pem = |path: &Utf8Path| -> Result<Vec<u8>, String> {
        read_below(partition, below(partition, path)?, PEM_BYTES_MAX)
            .map_err(|error| format!("ERROR: read {path}: {error}"))
    };
    let bad = |path: &Utf8Path, error: ureq::Error| format!("ERROR: {path}: {error}");
    let mut tls = TlsConfig::builder().disable_verification(asked.authority.is_none());
    if let Some(Authority::File(path)) = &asked.authority {
        let authority = Certificate::from_pem(&pem(path)?).map_err(|error| bad(path, error))?;
        tls = tls.root_certs(RootCerts::new_with_certs(&[authority]));
    }
    if let Some([certificate, key]) = &asked.identity {
        let own =
            Certificate::from_pem(&pem(certificate)?).map_err(|error| bad(certificate, error))?;
        let key = PrivateKey::from_pem(&pem(key)?).map_err(|error| bad(key, error))?;
        tls = tls.client_cert(Some(ClientCert::new_with_certs(&[own], key)));
    }
    Ok(tls.build())
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_url_answers_with_the_wished_code() {
        let server = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", server.local_addr().unwrap());
        let answers =
            ["200 OK", "302 Found", "200 OK", "302 Found", "404 Not Found", "500 Oops", "200 OK"];
        let serving = std::thread::spawn(move || {
            let mut requests = Vec::new();
            for answer in answers {
                let (mut stream, _) = server.accept().unwrap();
                let mut request = [0; 4096];
                let length = stream.read(&mut request).unwrap();
                requests.push(String::from_utf8_lossy(&request[..length]).into_owned());
                let text = format!(
                    "HTTP/1.1 {answer}\r\nLocation: /x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
                );
                stream.write_all(text.as_bytes()).unwrap();
            }
            requests
        });
        let asked = UrlCheck {
            url: url.clone(),
            code: Some(200),
            timeout: Duration::from_secs(20),
            authority: None,
            identity: None,
            login: None,
            follow: true,
        };
        let partition = Utf8Path::new("/");
        let check = |asked: UrlCheck| available(partition, &asked);
        let good = Ok(format!(
            "non-authenticated request to '{url}' succeeded (returned expected code 200)"
        ));
        assert_eq!(check(asked.clone()), good);
        assert_eq!(check(asked.clone()), good, "a redirection is followed");
        assert!(check(UrlCheck { code: Some(302), follow: false, ..asked.clone() }).is_ok());
        let red =
            format!("non-authenticated request to '{url}' failed (returned 404, expected 200)");
        assert_eq!(check(asked.clone()), Err(red));
        let any = format!("non-authenticated request to '{url}' succeeded (return code ignored)");
        assert_eq!(check(UrlCheck { code: None, ..asked.clone() }), Ok(any));
        let login = Some(["me".into(), "secret".into()]);
        let known = check(UrlCheck { login, ..asked.clone() }).unwrap();
        assert!(known.starts_with("authenticated request to "), "{known}");
        let requests = serving.join().unwrap();
        assert!(
            requests[6].to_lowercase().contains("authorization: basic bwu6c2vjcmv0"),
            "{}",
            requests[6]
        );
        let gone = format!("ERROR connection not possible while accessing '{url}'");
        assert_eq!(check(asked), Err(gone), "nobody listens any more");
    }
}
