//! `slapos master serve`

use std::net::SocketAddr;

use camino::Utf8PathBuf;
use slapos_core::policy::{self, Policy};
use slapos_master::{FaceSettings, NETWORKCACHE_KEYS, Open, ServeSettings};

use crate::{
    commands::node::{log_to_stderr, until_told_to_end},
    error::{Exit, Failure, Outcome},
    ui::Ui,
};

/// Serve the cloud until told to end (SIGTERM or Ctrl-C).
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The address to listen on
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:5000")]
    listen: SocketAddr,
    /// The directory of the state
    #[arg(long, value_name = "DIR")]
    data: Utf8PathBuf,
    /// Serve anybody, without identities: on loopback only
    #[arg(long)]
    open: bool,
    /// A name under which servers in front call it, besides addresses and localhost; may be repeated
    #[arg(long, value_name = "NAME")]
    host: Vec<String>,
    /// So many keys entries of the networkcache may have; each is a file
    #[arg(long, value_name = "NUMBER", default_value_t = NETWORKCACHE_KEYS)]
    networkcache_keys: usize,
    /// What becomes of instances that the one who requested them asks for no more
    #[arg(long, value_enum, default_value_t = Unrequested::Destroy)]
    unrequested: Unrequested,
    /// End when standard input does, and say the address on standard output once calls are taken:
    /// for whoever starts the master as a part of something
    #[arg(long, hide = true)]
    with_parent: bool,
}

/// What becomes of children that their requester did not ask for in a complete pass.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Unrequested {
    /// They are destroyed
    Destroy,
    /// They stay, and `service list` says that nobody asks for them
    List,
}

pub(super) fn run(args: &Args) -> Outcome {
    let unrequested = match args.unrequested {
        Unrequested::Destroy => policy::Unrequested::Destroyed,
        Unrequested::List => policy::Unrequested::Listed,
    };
    let settings = ServeSettings {
        listen: args.listen,
        data: args.data.clone().into(),
        open: if args.open { Open::Loopback } else { Open::No },
        policy: Policy { unrequested, ..Policy::default() },
        faces: FaceSettings {
            hosts: Some(args.host.clone()),
            networkcache_keys: args.networkcache_keys,
            ..FaceSettings::default()
        },
        release_root: None,
    };
    serve(settings, args.with_parent)
}

/// Serves until told to end. `with_parent`: whoever started it hears the address on standard
/// output once calls are taken, and ends it by the end of standard input.
pub(crate) fn serve(settings: ServeSettings, with_parent: bool) -> Outcome {
    log_to_stderr();
    // each node that waits for news is a socket
    match slapos_node::sys::raise_open_files_limit() {
        Ok(limit) => tracing::info!(limit, "open files, and so connections at once"),
        Err(error) => tracing::warn!(%error, "the limit of open files stays as low as it is"),
    }
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let (ready, listening) = tokio::sync::oneshot::channel();
    if with_parent {
        runtime.spawn(async move {
            if let Ok(address) = listening.await {
                Ui { json: false }.data(address);
            }
        });
    }
    let end = until_told_to_end(with_parent);
    let served = runtime.block_on(slapos_master::serve(settings, ready, end));
    runtime.shutdown_background();
    served.map_err(|error| Failure::hinted(Exit::Failed, &error, error.hint()))?;
    tracing::info!("ended");
    Ok(Exit::Done)
}
