//! Runs a master: takes its directory, opens its store, listens, ends in order.

use std::{future::Future, io, net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use slapos_core::{
    actor::Actor,
    decide::{Ask, Format},
    names::ComputerId,
    policy::Policy,
};
use tokio::{net::TcpListener, sync::oneshot, time::sleep};

use crate::{
    authority::Authority,
    data_dir::{DataDir, DataDirError},
    http::{
        FaceSettings,
        connections::{Listener, Patience, Peer},
        router,
    },
    release_root::{self, ReleaseRootError},
    service::{Failure, Origin, Service, ServiceError},
    store::{MAKE_ROOM, StoreError, is_lacking},
};

/// How long calls that run may take to end once the master stops.
const GRACE: Duration = Duration::from_secs(10);

/// What a master is started with.
#[derive(Debug, Clone)]
pub struct ServeSettings {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The data directory; made if it is missing.
    pub data: PathBuf,
    /// Who may call without saying who it is.
    pub open: Open,
    /// The rules.
    pub policy: Policy,
    /// What the faces offer besides.
    pub faces: FaceSettings,
    /// The directory of local releases: those below it move when it does.
    pub release_root: Option<PathBuf>,
}

/// Who may call a master without saying who it is. Whoever may call may do everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Open {
    /// Nobody.
    No,
    /// This machine.
    Loopback,
    /// Whoever reaches the address: the rule of the single-node proxy, whose operator chose that
    /// address.
    Anybody,
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
    /// The local releases cannot follow their directory.
    #[error("cannot follow the directory of local releases")]
    ReleaseRoot(#[from] ReleaseRootError),
    /// The default computer cannot be made known.
    #[error("cannot make the default computer known")]
    DefaultComputer(#[source] ServiceError),
    /// The key of its certificates cannot be had.
    #[error("cannot use the key of the certificate authority")]
    Authority(#[source] io::Error),
    /// The directory of the networkcache cannot be used.
    #[error("cannot use the directory of the networkcache")]
    Networkcache(#[source] io::Error),
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
            Self::ReleaseRoot(_) | Self::DefaultComputer(_) => None,
            Self::Networkcache(error) | Self::Authority(error) if is_lacking(error) => {
                Some(MAKE_ROOM.into())
            }
            Self::Networkcache(_) => None,
            Self::Authority(_) => {
                Some("put authority.key back from a copy of the data directory".into())
            }
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
    check_address(settings.open, settings.listen)?;
    let directory = DataDir::take(&settings.data)?;
    let address = settings.listen;
    let listen = |source| ServeError::Listen { address, source };
    let listener = match TcpListener::bind(address).await {
        Ok(listener) => listener,
        Err(source) => {
            directory.give_back();
            return Err(listen(source));
        }
    };
    let bound = listener.local_addr().map_err(listen)?;
    let database = directory.database();
    let policy = settings.policy.clone();
    let service = tokio::task::spawn_blocking(move || Service::open(&database, policy))
        .await
        .map_err(|error| ServeError::Broke(error.into()))?
        .map_err(|source| ServeError::Store { data: settings.data.clone(), source })?;
    if let Some(computer) = &settings.policy.default_computer {
        know(&service, computer).await.map_err(ServeError::DefaultComputer)?;
    }
    if let Some(root) = &settings.release_root {
        release_root::follow(&service, &directory, root).await?;
    }
    let mut faces = settings.faces;
    faces.networkcache.get_or_insert_with(|| directory.path().join("networkcache"));
    let authority = Authority::open(directory.path()).map_err(ServeError::Authority)?;
    let calls = router(service.clone(), authority, faces).map_err(ServeError::Networkcache)?;
    let calls = calls.into_make_service_with_connect_info::<Peer>();
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

/// The default computer exists from the start: releases can be supplied to it before its node
/// speaks.
async fn know(service: &Service, computer: &ComputerId) -> Result<(), ServiceError> {
    if service.computer(computer).await.is_ok() {
        return Ok(());
    }
    let ask = Ask::Format(Format { computer: computer.clone(), partitions: vec![] });
    let actor = Actor::Computer(computer.clone());
    service.act(Origin::Inside, |_| Ok((ask, actor)), |_, _| ()).await
}

/// Refuses to serve callers who need not say who they are from further away than they may be.
fn check_address(open: Open, listen: SocketAddr) -> Result<(), ServeError> {
    match open {
        Open::No => Err(ServeError::NoIdentities),
        Open::Loopback if !listen.ip().is_loopback() => Err(ServeError::OpenToTheWorld(listen)),
        Open::Anybody if !listen.ip().is_loopback() => {
            tracing::warn!(%listen, "whoever reaches this address may do everything");
            Ok(())
        }
        Open::Loopback | Open::Anybody => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_may_call_a_master_without_identities() {
        let table = [
            ("127.0.0.1:0", Open::Loopback, true),
            ("127.8.9.1:4000", Open::Loopback, true),
            ("[::1]:4000", Open::Loopback, true),
            ("127.0.0.1:0", Open::No, false),
            ("0.0.0.0:4000", Open::Loopback, false),
            ("[::]:4000", Open::Loopback, false),
            ("192.0.2.1:4000", Open::Loopback, false),
            ("192.0.2.1:4000", Open::Anybody, true),
        ];
        for (listen, open, serves) in table {
            let listen = listen.parse().unwrap();
            assert_eq!(check_address(open, listen).is_ok(), serves, "{listen} {open:?}");
        }
    }
}
