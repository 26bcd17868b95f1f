//! Other masters, to which requests are passed on.
//!
//! Nothing of it is kept: whoever asks asks again, and each time the other master says how it is
//! there. Every call has a deadline, answers and calls at once have a limit.

use std::{fmt, io::Read as _, sync::Arc, time::Duration};

use slapos_core::{names::SoftwareUrl, world::Place};
use slapos_wire::classic::{
    call::{Endpoint, Request},
    document::{Answer, BadDocument},
    marshal::Unwritable,
};
use tokio::{sync::Semaphore, task::spawn_blocking};
use ureq::tls::{Certificate, ClientCert, PemItem, PrivateKey, RootCerts, TlsConfig, parse_pem};

/// How long another master may take to be reached, and to say which one it is.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a call may take; with what comes before, less than whoever asked here may wait.
const CALL_TIMEOUT: Duration = Duration::from_secs(20);
/// The largest answer that is read.
const ANSWER_BYTES_MAX: u64 = 8 << 20;
/// So many calls to one master at once: each holds a thread.
const CALLS_MAX: usize = 32;

/// Why a request was not passed on, or not answered.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ForwardError {
    /// The request names a master that the configuration does not list.
    #[error("the master {0} is not listed: requests are passed on to listed masters only")]
    Unlisted(String),
    /// The other master cannot be reached.
    #[error("the master {0} cannot be reached: {1}")]
    Down(String, Box<ureq::Error>),
    /// The other master took too long.
    #[error("the master {0} took too long")]
    Slow(String),
    /// Too many requests wait for the other master.
    #[error("too many requests wait for the master {0}")]
    Busy(String),
    /// It is accepted there; ask again.
    #[error("the master {0} says: {1}")]
    PleaseWait(String, String),
    /// The other master finds no place, or does not know what is named.
    #[error("the master {0} refuses: {1}")]
    NotFound(String, String),
    /// The other master refuses.
    #[error("the master {master} answers with status {status}: {text}")]
    Refused {
        /// Its URL.
        master: String,
        /// The status.
        status: u16,
        /// The beginning of the answer.
        text: String,
    },
    /// The answer is none.
    #[error("the master {0} does not answer as a master: {1}")]
    Strange(String, Box<dyn std::error::Error + Send + Sync>),
    /// The request cannot be written.
    #[error("the request cannot be passed on")]
    Unwritable(#[from] Unwritable),
}

/// What another master is known by.
#[derive(Clone, Default)]
pub struct OtherMasterSettings {
    /// Its URL, as the requests name it.
    pub url: String,
    /// Requests for these releases go there.
    pub releases: Vec<SoftwareUrl>,
    /// The partition there as which this master asks; `None`: as a person.
    pub requester: Option<Place>,
    /// The certificate with which this master says who it is, and its key, as PEM.
    pub certificate: Option<(Vec<u8>, Vec<u8>)>,
    /// The authorities that vouch for the other master, as PEM; `None`: those of this machine.
    pub authorities: Option<Vec<u8>>,
}

/// Why another master cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BadOtherMaster {
    /// Whoever speaks TLS there has to say who it is.
    #[error("the master {0} has an https URL, and no certificate and key to go with it")]
    NoCertificate(String),
    /// A certificate would be sent to nobody.
    #[error("the master {0} has a certificate, but no https URL")]
    NoTls(String),
    /// A file does not hold what it should.
    #[error("the {1} for the master {0} is not readable as PEM")]
    Pem(String, &'static str, #[source] Box<ureq::Error>),
}

/// Another master. Cheap to clone.
#[derive(Clone)]
pub struct OtherMaster {
    settings: Arc<OtherMasterSettings>,
    agent: ureq::Agent,
    places: Arc<Semaphore>,
}

impl fmt::Debug for OtherMasterSettings {
    /// Without the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OtherMasterSettings").field("url", &self.url).finish_non_exhaustive()
    }
}

impl fmt::Debug for OtherMaster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OtherMaster").field("url", &self.settings.url).finish_non_exhaustive()
    }
}

impl OtherMaster {
    /// Another master. Connects when there is something to pass on.
    pub fn new(settings: OtherMasterSettings) -> Result<Self, BadOtherMaster> {
        let url = settings.url.clone();
        let bad = |what| {
            let url = url.clone();
            move |error| BadOtherMaster::Pem(url, what, Box::new(error))
        };
        let is_https = url.starts_with("https:");
        let mut tls = TlsConfig::builder().root_certs(RootCerts::PlatformVerifier);
        match &settings.certificate {
            None if is_https => return Err(BadOtherMaster::NoCertificate(url)),
            Some(_) if !is_https => return Err(BadOtherMaster::NoTls(url)),
            Some((certificate, key)) => {
                let chain = certificates(certificate).map_err(bad("certificate"))?;
                let key = PrivateKey::from_pem(key).map_err(bad("key"))?;
                tls = tls.client_cert(Some(ClientCert::new_with_certs(&chain, key)));
            }
            None => {}
        }
        if let Some(authorities) = &settings.authorities {
            let authorities = certificates(authorities).map_err(bad("list of authorities"))?;
            tls = tls.root_certs(RootCerts::new_with_certs(&authorities));
        }
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_connect(Some(CONNECT_TIMEOUT))
            .timeout_global(Some(CALL_TIMEOUT))
            .proxy(None)
            .tls_config(tls.build())
            .user_agent(concat!("slapos/", env!("CARGO_PKG_VERSION")))
            .build();
        let places = Arc::new(Semaphore::new(CALLS_MAX));
        Ok(Self { settings: Arc::new(settings), agent: config.into(), places })
    }

    /// Whether a request names this master.
    pub(crate) fn is_named(&self, url: &str) -> bool {
        self.settings.url.trim_end_matches('/') == url.trim_end_matches('/')
    }

    /// Whether requests for a release go there.
    pub(crate) fn has(&self, release: &SoftwareUrl) -> bool {
        self.settings.releases.contains(release)
    }

    /// Asks the other master, and returns what it says; `None` when it is this one, of this run.
    pub(crate) async fn ask(
        &self,
        mut request: Request,
        run_id: Arc<str>,
    ) -> Result<Option<Answer>, ForwardError> {
        let url = self.settings.url.clone();
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else {
            return Err(ForwardError::Busy(url));
        };
        request.requester.clone_from(&self.settings.requester);
        request.placement.remove("master_url"); // it means the one that is asked
        let this = self.clone();
        let asked = spawn_blocking(move || {
            let _place = place;
            if this.run_id().is_some_and(|id| *id == *run_id) {
                return Ok(None);
            }
            this.call(&request).map(Some)
        });
        asked.await.unwrap_or_else(|error| Err(ForwardError::Strange(url, error.into())))
    }

    fn path(&self, endpoint: &str) -> String {
        format!("{}/{endpoint}", self.settings.url.trim_end_matches('/'))
    }

    /// By what the other master tells its run from others, if it does.
    fn run_id(&self) -> Option<String> {
        let call = self.agent.get(self.path("getRunId"));
        let mut answer = call.config().timeout_global(Some(CONNECT_TIMEOUT)).build().call().ok()?;
        let mut text = String::new();
        answer.body_mut().as_reader().take(100).read_to_string(&mut text).ok()?;
        Some(text)
    }

    fn call(&self, request: &Request) -> Result<Answer, ForwardError> {
        let url = || self.settings.url.clone();
        let mut call = self
            .agent
            .post(self.path(Endpoint::Request.name()))
            .header("Content-Type", "application/x-www-form-urlencoded");
        if let Some(place) = &request.requester {
            let (computer, partition) = (&place.computer, &place.partition);
            let claim = format!(
                "X-SlapPartition computer_id={computer}, computer_partition_id={partition}"
            );
            call = call.header("Authorization", claim);
        }
        let failed = |error| match error {
            ureq::Error::Timeout(_) => ForwardError::Slow(url()),
            error => ForwardError::Down(url(), Box::new(error)),
        };
        let answer = call.send(request.encode()?).map_err(failed)?;
        let (parts, mut body) = answer.into_parts();
        let text = body.with_config().limit(ANSWER_BYTES_MAX).read_to_string().map_err(failed)?;
        let beginning = || text.chars().take(500).collect();
        match parts.status.as_u16() {
            200..300 => {
                let answer = Answer::decode(&text);
                let answer = answer
                    .map_err(|error: BadDocument| ForwardError::Strange(url(), error.into()))?;
                Ok(told(answer, request))
            }
            404 => Err(ForwardError::NotFound(url(), beginning())),
            408 => Err(ForwardError::PleaseWait(url(), beginning())),
            status => Err(ForwardError::Refused { master: url(), status, text: beginning() }),
        }
    }
}

/// An answer with all that clients ask for: a slapproxy leaves some of it out for shared instances.
fn told(mut answer: Answer, request: &Request) -> Answer {
    let place = &answer.place;
    let id = || format!("{}-{}", place.computer, place.partition);
    answer.instance.id.get_or_insert_with(id);
    let wished = request.wished.unwrap_or(slapos_core::names::WishedState::Started);
    answer.instance.wished.get_or_insert(wished);
    answer
}

fn certificates(pem: &[u8]) -> Result<Vec<Certificate<'static>>, ureq::Error> {
    let items = parse_pem(pem).filter_map(|item| match item {
        Ok(PemItem::Certificate(certificate)) => Some(Ok(certificate)),
        Ok(_) => None,
        Err(error) => Some(Err(error)),
    });
    items.collect()
}
