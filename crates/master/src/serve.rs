//! Runs a master: takes its directory, opens its store, listens, ends in order.

use std::{future::Future, io, net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use tokio::{net::TcpListener, sync::oneshot, time::sleep};

use crate::{
    data_dir::{DataDir, DataDirError},
    http::{
        connections::{Listener, Patience, Peer},
        router,
    },
    service::{Failure, Service},
    store::StoreError,
};

/// How long calls that run may take to end once the master stops.
const GRACE: Duration = Duration::from_secs(10);

/// What a master is started with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServeSettings {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The data directory; made if it is missing.
    pub data: PathBuf,
    /// Serve without identities: whoever can connect may do everything.
    pub open: bool,
}

/// Why a master does not run (any more).
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Identities do not exist yet.
    #[error("this master cannot tell who calls")]
    NoIdentities,
    /// Without identities only this machine may call.
    #[error("a master without identities must not listen on {0}")]
    OpenToTheWorld(SocketAddr),
    /// The data directory cannot be used.
    #[error("cannot use the data directory")]
    DataDir(#[from] DataDirError),
    /// The store cannot be opened.
    #[error("cannot open the store in {}", data.display())]
    Store {
        /// The data directory.
        data: PathBuf,
        /// Why.
        #[source]
        source: StoreError,
    },
    /// The address cannot be had.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Listening broke off.
    #[error("serving broke off")]
    Broke(#[source] io::Error),
    /// The master had to end: it may not answer from what is not durable.
    #[error("the master had to end")]
    Failed(#[source] Arc<Failure>),
}

impl ServeError {
    /// What the operator can do.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NoIdentities => {
                Some("serve this machine only, with --open and a loopback address".into())
            }
            Self::OpenToTheWorld(address) => {
                Some(format!("listen on a loopback address, e.g. 127.0.0.1:{}", address.port()))
            }
            Self::DataDir(error) => error.hint(),
            Self::Store { source, .. } => source.hint(),
            Self::Listen { source, .. } if source.kind() == io::ErrorKind::AddrInUse => Some(
                "another program listens there: stop it, or choose another address with --listen"
                    .into(),
            ),
            Self::Listen { .. } => Some("choose another address with --listen".into()),
            Self::Failed(failure) => match &**failure {
                Failure::Store(error) => error.hint(),
                Failure::Broken(_) | Failure::HalfDone | Failure::Stopping => None,
            },
            Self::Broke(_) => None,
        }
    }
}

/// Serves until `shutdown` resolves, then ends in order: whoever waits is answered, what was
/// decided is made durable. `ready` hears the bound address once calls are taken.
pub async fn serve(
    settings: ServeSettings,
    ready: oneshot::Sender<SocketAddr>,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), ServeError> {
    check_address(&settings)?;
    let directory = DataDir::take(&settings.data)?;
    let address = settings.listen;
    let listen = |source| ServeError::Listen { address, source };
    let listener = TcpListener::bind(address).await.map_err(listen)?;
    let bound = listener.local_addr().map_err(listen)?;
    let database = directory.database();
    let service = tokio::task::spawn_blocking(move || Service::open(&database))
        .await
        .map_err(|error| ServeError::Broke(error.into()))?
        .map_err(|source| ServeError::Store { data: settings.data.clone(), source })?;
    tracing::info!(address = %bound, data = %settings.data.display(), "the master serves");
    let _ = ready.send(bound); // whoever asked may be gone

    let stopping = service.clone();
    let stop = async move {
        tokio::select! {
            () = shutdown => {}
            _ = stopping.failed() => {}
        }
        stopping.stop_waiting();
    };
    let overtime = async {
        service.stopping().await;
        sleep(GRACE).await; // for callers that do not finish what they say
    };
    let listener = Listener::new(listener, Patience::default());
    let calls = router(service.clone()).into_make_service_with_connect_info::<Peer>();
    let served = tokio::select! {
        served = axum::serve(listener, calls).with_graceful_shutdown(stop) => served,
        failure = service.failed() => return Err(ServeError::Failed(failure)),
        () = overtime => Ok(()),
    };
    let closing = service.clone();
    let closed = tokio::task::spawn_blocking(move || closing.close()).await;
    closed.map_err(|error| ServeError::Broke(error.into()))?;
    match &*service.failed().await {
        Failure::Stopping => served.map_err(ServeError::Broke),
        Failure::Store(_) | Failure::Broken(_) | Failure::HalfDone => {
            Err(ServeError::Failed(service.failed().await))
        }
    }
}

/// Refuses to serve without identities, unless only this machine can call.
fn check_address(settings: &ServeSettings) -> Result<(), ServeError> {
    if !settings.open {
        return Err(ServeError::NoIdentities);
    }
    if !settings.listen.ip().is_loopback() {
        return Err(ServeError::OpenToTheWorld(settings.listen));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_may_call_a_master_without_identities() {
        let table = [
            ("127.0.0.1:0", true, true),
            ("127.8.9.1:4000", true, true),
            ("[::1]:4000", true, true),
            ("127.0.0.1:0", false, false),
            ("0.0.0.0:4000", true, false),
            ("[::]:4000", true, false),
            ("192.0.2.1:4000", true, false),
        ];
        for (listen, open, serves) in table {
            let listen = listen.parse().unwrap();
            let settings = ServeSettings { listen, data: PathBuf::new(), open };
            assert_eq!(check_address(&settings).is_ok(), serves, "{listen} open: {open}");
        }
    }
}
