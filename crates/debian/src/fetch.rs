//! Downloads: with timeouts, retries, size limits and proxies; hashed while they arrive.
//!
//! Nothing gets a final name before its size and SHA256 are right.

use std::fs::File;
use std::io::{Read, Write};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::Sender;
use std::time::Duration;

use camino::Utf8Path;
use data_encoding::HEXLOWER;
use sha2::{Digest as _, Sha256};
use ureq::tls::{RootCerts, TlsConfig};
use ureq::unversioned::transport::DefaultConnector;

use crate::apt_conf::AptConf;
use crate::cache::Cache;
use crate::forward::{self, Response};
use crate::lock::Deb;
use crate::names::Names;
use crate::proxy::Proxies;
use crate::{Error, Settings};

/// A host that is there takes a connection in much less.
const CONNECT_WITHIN: Duration = Duration::from_secs(15);
const ATTEMPTS: u32 = 4;
const REDIRECTS: usize = 8;

/// Speaks to mirrors, by the proxy rules of the host.
#[derive(Debug)]
pub struct Client {
    proxies: Proxies,
    direct: ureq::Agent,
    silence: Duration,
}

/// Why one attempt failed: worth another one, or not.
enum Failure {
    Passing(String),
    Lasting(Error),
}

impl Client {
    /// A client with the proxies of apt's configuration below the apt root and of the environment.
    ///
    /// # Errors
    /// [`Error::AptConfig`], [`Error::Io`].
    pub fn new(settings: &Settings) -> Result<Self, Error> {
        let conf = AptConf::read(&settings.apt_root)?;
        let proxies = Proxies { conf, environment: settings.proxies.clone() };
        let silence = settings.silence;
        Ok(Self { proxies, direct: agent(None, silence), silence })
    }

    /// Whether the host wants `Valid-Until` to be checked.
    pub(crate) fn checks_dates(&self) -> bool {
        !self.proxies.conf.is_off("Acquire::Check-Valid-Until")
    }

    /// A text of at most `most` bytes.
    pub(crate) fn text(&self, url: &str, most: u64) -> Result<String, Error> {
        self.retry(url, || {
            let mut text = Vec::new();
            let read = self.open(url)?.take(most).read_to_end(&mut text);
            let read = read.map_err(|error| Failure::Passing(error.to_string()))?;
            if read as u64 == most {
                return Err(mismatch(url, "it is too large".to_owned()));
            }
            String::from_utf8(text).map_err(|_| mismatch(url, "it is not a text".to_owned()))
        })
    }

    /// A file of known size and hash, in memory.
    pub(crate) fn bytes(&self, url: &str, size: u64, sha256: &str) -> Result<Vec<u8>, Error> {
        self.retry(url, || {
            let mut bytes = Vec::new();
            self.copy(url, size, sha256, (&mut bytes, "memory".into()), &mut |_| ())
                .map(|()| std::mem::take(&mut bytes))
        })
    }

    /// Fetches one deb into the cache, from the first of `urls` that has it.
    fn deb(
        &self,
        deb: &Deb,
        urls: &[String],
        cache: &Cache,
        heard: &mut dyn FnMut(i64),
    ) -> Result<(), Error> {
        let mut result = Err(Error::NotFound { url: deb.path.clone() });
        for url in urls {
            result = self.retry(url, || {
                let mut file = cache.incoming().map_err(Failure::Lasting)?;
                let mut arrived = 0;
                let sink: (&mut dyn Write, _) = (file.as_file_mut(), &*cache.deb_path(deb));
                let copied = self.copy(url, deb.size, &deb.sha256, sink, &mut |bytes| {
                    arrived += bytes;
                    heard(bytes);
                });
                if let Err(failure) = copied {
                    heard(-arrived);
                    return Err(failure);
                }
                cache.keep_deb(file, deb).map_err(Failure::Lasting)
            });
            if !matches!(result, Err(Error::NotFound { .. })) {
                break;
            }
        }
        result
    }

    fn retry<T>(
        &self,
        url: &str,
        mut attempt: impl FnMut() -> Result<T, Failure>,
    ) -> Result<T, Error> {
        let mut number = 1;
        loop {
            match attempt() {
                Ok(value) => return Ok(value),
                Err(Failure::Lasting(error)) => return Err(error),
                Err(Failure::Passing(problem)) if number == ATTEMPTS => {
                    return Err(Error::Fetch { url: url.to_owned(), problem });
                }
                Err(Failure::Passing(problem)) => {
                    tracing::debug!(url, problem, number, "will try again");
                    std::thread::sleep(Duration::from_millis(100) * number.pow(2));
                    number += 1;
                }
            }
        }
    }

    /// Copies `url` into `sink`, which lies at `place`, and checks size and hash; `heard` is told each piece's bytes.
    fn copy(
        &self,
        url: &str,
        size: u64,
        sha256: &str,
        (sink, place): (&mut dyn Write, &Utf8Path),
        heard: &mut dyn FnMut(i64),
    ) -> Result<(), Failure> {
        let mut body = self.open(url)?.take(size + 1);
        let mut hasher = Sha256::new();
        let mut buffer = vec![0; 64 << 10];
        let mut arrived = 0;
        loop {
            let read =
                body.read(&mut buffer).map_err(|error| Failure::Passing(error.to_string()))?;
            if read == 0 {
                break;
            }
            hasher.update(&buffer[..read]);
            sink.write_all(&buffer[..read])
                .map_err(|error| Failure::Lasting(Error::io("write", place, error)))?;
            arrived += read as u64;
            heard(i64::try_from(read).unwrap_or(i64::MAX));
        }
        if arrived < size {
            return Err(Failure::Passing(format!(
                "it is cut off: {arrived} of {size} bytes arrived"
            )));
        }
        if arrived > size {
            return Err(mismatch(
                url,
                format!("it is larger than the {size} bytes that were announced"),
            ));
        }
        let seen = HEXLOWER.encode(&hasher.finalize());
        if seen != sha256 {
            return Err(mismatch(url, format!("its SHA256 is {seen}, announced was {sha256}")));
        }
        Ok(())
    }

    /// The body behind `url`, redirects followed.
    fn open(&self, url: &str) -> Result<Box<dyn Read>, Failure> {
        if let Some(path) = url.strip_prefix("file:") {
            let path = format!("/{}", path.trim_start_matches('/'));
            return match File::open(&path) {
                Ok(file) => Ok(Box::new(file)),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err(not_found(url)),
                Err(source) => {
                    Err(Failure::Lasting(Error::Unreadable { url: url.to_owned(), source }))
                }
            };
        }
        let mut at = url.to_owned();
        for _ in 0..REDIRECTS {
            let response = self.get(&at)?;
            match (response.status, response.location) {
                (200, _) => return Ok(response.body),
                (301 | 302 | 303 | 307 | 308, Some(location)) => at = join(&at, &location),
                (404 | 410, _) => return Err(not_found(url)),
                (status @ (408 | 429 | 500..), _) => {
                    return Err(Failure::Passing(format!("the answer is HTTP {status}")));
                }
                (status, _) => return Err(lasting(url, format!("the answer is HTTP {status}"))),
            }
        }
        Err(lasting(url, "too many redirects".to_owned()))
    }

    fn get(&self, url: &str) -> Result<Response, Failure> {
        let Some((scheme, authority, host)) = split(url) else {
            return Err(lasting(url, "it is not an http or https URL".to_owned()));
        };
        let proxy = self.proxies.of(scheme, host);
        if scheme == "http"
            && let Some(proxy) = &proxy
        {
            return forward::get(
                proxy,
                url,
                authority,
                self.silence.min(CONNECT_WITHIN),
                self.silence,
            )
            .map_err(|error| Failure::Passing(format!("through a proxy: {error}")));
        }
        let agent = match &proxy {
            Some(proxy) => {
                let proxy = ureq::Proxy::new(proxy)
                    .map_err(|_| lasting(url, "its proxy is not a URL".to_owned()))?;
                &agent(Some(proxy), self.silence)
            }
            None => &self.direct,
        };
        let response =
            agent.get(url).call().map_err(|error| Failure::Passing(error.to_string()))?;
        let location = response
            .headers()
            .get("location")
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned);
        Ok(Response {
            status: response.status().as_u16(),
            location,
            body: Box::new(response.into_body().into_reader()),
        })
    }
}

/// Progress of [`fetch`]: the package just heard of, bytes done, bytes in all.
pub(crate) type Heard<'a> = &'a mut dyn FnMut(&str, u64, u64);

/// Brings all `debs` into the cache, a few at a time, and answers how many bytes were downloaded.
///
/// # Errors
/// The first failure; the others stop at their next file, and what has arrived stays.
pub(crate) fn fetch(
    debs: &[Deb],
    urls: &(dyn Fn(&Deb) -> Vec<String> + Sync),
    client: &Client,
    cache: &Cache,
    downloads: usize,
    progress: Heard<'_>,
) -> Result<u64, Error> {
    let total: u64 = debs.iter().map(|deb| deb.size).sum();
    let (next, failed) = (AtomicUsize::new(0), AtomicBool::new(false));
    let worker = |sender: Sender<_>| {
        while !failed.load(Ordering::Relaxed) {
            let Some(deb) = debs.get(next.fetch_add(1, Ordering::Relaxed)) else {
                break;
            };
            // The receiver outlives all workers.
            let tell = |news| drop(sender.send(news));
            let result = match cache.deb(deb) {
                Ok(Some(_)) => {
                    tell(News::Cached(deb));
                    Ok(())
                }
                Ok(None) => client.deb(deb, &urls(deb), cache, &mut |bytes| {
                    tell(News::Arrived(deb, bytes));
                }),
                Err(error) => Err(error),
            };
            if let Err(error) = result {
                failed.store(true, Ordering::Relaxed);
                tell(News::Failed(error));
            }
        }
    };
    let (sender, news) = std::sync::mpsc::channel();
    let (mut done, mut downloaded, mut failure) = (0_u64, 0_u64, None);
    std::thread::scope(|scope| {
        for _ in 0..downloads.clamp(1, debs.len().max(1)) {
            let sender = sender.clone();
            scope.spawn(|| worker(sender));
        }
        drop(sender);
        for item in news {
            match item {
                News::Cached(deb) => {
                    done += deb.size;
                    progress(&deb.name, done, total);
                }
                News::Arrived(deb, bytes) => {
                    done = done.saturating_add_signed(bytes);
                    downloaded = downloaded.saturating_add_signed(bytes);
                    progress(&deb.name, done, total);
                }
                News::Failed(error) => drop(failure.get_or_insert(error)),
            }
        }
    });
    failure.map_or(Ok(downloaded), Err)
}

/// What a worker of [`fetch`] tells.
enum News<'a> {
    Cached(&'a Deb),
    /// Bytes; fewer than none when a failed attempt is taken back.
    Arrived(&'a Deb, i64),
    Failed(Error),
}

fn agent(proxy: Option<ureq::Proxy>, silence: Duration) -> ureq::Agent {
    let config = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .proxy(proxy)
        .accept_encoding("identity")
        .user_agent("slapos-debian")
        .timeout_connect(Some(silence.min(CONNECT_WITHIN)))
        .timeout_recv_response(Some(silence))
        .timeout_per_read(Some(silence))
        .tls_config(TlsConfig::builder().root_certs(RootCerts::PlatformVerifier).build())
        .build();
    ureq::Agent::with_parts(config, DefaultConnector::default(), Names::default())
}

/// Scheme, authority and bare host of an http or https URL.
fn split(url: &str) -> Option<(&str, &str, &str)> {
    let (scheme, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let bare = match host.strip_prefix('[') {
        Some(inner) => inner.split(']').next()?,
        None => host.split(':').next()?,
    };
    (matches!(scheme, "http" | "https") && !bare.is_empty()).then_some((scheme, host, bare))
}

/// The target of a redirect.
fn join(url: &str, location: &str) -> String {
    if location.contains("://") {
        return location.to_owned();
    }
    let path = url.find("://").and_then(|at| url[at + 3..].find('/').map(|slash| at + 3 + slash));
    let path = path.unwrap_or(url.len());
    let directory = url.rfind('/').map_or(path, |slash| slash.max(path));
    match location.strip_prefix('/') {
        Some(_) => format!("{}{location}", &url[..path]),
        None => format!("{}/{location}", &url[..directory]),
    }
}

fn not_found(url: &str) -> Failure {
    Failure::Lasting(Error::NotFound { url: url.to_owned() })
}

fn mismatch(url: &str, problem: String) -> Failure {
    Failure::Lasting(Error::Mismatch { url: url.to_owned(), problem })
}

fn lasting(url: &str, problem: String) -> Failure {
    Failure::Lasting(Error::Fetch { url: url.to_owned(), problem })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_split_and_joined() {
        let table = [
            ("http://m/debian/x", Some(("http", "m", "m"))),
            ("https://u:p@m:80/x", Some(("https", "m:80", "m"))),
            ("http://[::1]:80", Some(("http", "[::1]:80", "::1"))),
            ("ftp://m/x", None),
            ("m/x", None),
        ];
        for (url, wished) in table {
            assert_eq!(split(url), wished, "{url}");
        }
        let table = [
            ("http://m/a/b", "https://n/c", "https://n/c"),
            ("http://m/a/b", "/c", "http://m/c"),
            ("http://m/a/b", "c", "http://m/a/c"),
            ("http://m", "c", "http://m/c"),
        ];
        for (url, location, wished) in table {
            assert_eq!(join(url, location), wished, "{url} {location}");
        }
    }
}
