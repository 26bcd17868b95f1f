//! A server that does almost nothing: the ceiling that a master can be compared with.
//!
//! `--work none` reads each request and answers a canned document; `--work parse` also decodes
//! the form and its documents; `--wal FILE` also appends each body to a log and answers when a
//! sync covers it ([`wal`]). Who watches a computer is woken by a request that names it
//! ([`watchers`]). One thread accepts and serves its own connections.

mod documents;
mod wal;
mod watchers;

use std::{
    net::{SocketAddr, TcpListener},
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    thread,
};

use anyhow::{Context as _, Result, anyhow};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{
    Method, Request, Response, StatusCode, body::Incoming, server::conn::http1, service::service_fn,
};
use hyper_util::rt::TokioIo;
use tokio::task::LocalSet;

use self::{documents::Documents, wal::Wal, watchers::Watchers};
use crate::{marshal::decode, output};

/// The largest body that is read, in bytes.
const BODY_MAX: usize = 64 << 20;

/// Serve canned answers: the ceiling for any master on this machine
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[arg(long, default_value = "127.0.0.1:5999")]
    listen: SocketAddr,
    #[arg(long, default_value_t = 1)]
    threads: usize,
    #[arg(long, value_enum, default_value = "none")]
    work: Work,
    /// Append each POST to this file and sync it before answering
    #[arg(long, value_name = "FILE")]
    wal: Option<PathBuf>,
    /// Size of that file, written beforehand so that a sync carries data only (0: it grows)
    #[arg(long, default_value_t = 256)]
    wal_megabytes: u64,
    /// Computers that answers name when a request names none
    #[arg(long, short = 'C', default_value_t = 10)]
    computers: u64,
    /// Partitions of a computer's document
    #[arg(long, short = 'P', default_value_t = 100)]
    partitions: u64,
}

/// What is done with a request besides answering it.
#[derive(Clone, Copy, Debug, PartialEq, clap::ValueEnum)]
enum Work {
    /// nothing
    None,
    /// decode the form and every document in it
    Parse,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let wal = args.wal.as_deref().map(|path| Wal::start(path, args.wal_megabytes)).transpose()?;
    let listener = TcpListener::bind(args.listen).with_context(|| args.listen.to_string())?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    let server = Arc::new(Server {
        work: args.work,
        wal,
        documents: Documents::new(args.computers, args.partitions),
        answered: AtomicU64::new(0),
        watchers: Watchers::default(),
    });
    output::remark(&format!("null server on http://{address} work={:?}", args.work));
    let threads: Vec<_> = (0..args.threads.max(1))
        .map(|_| {
            let (listener, server) = (listener.try_clone()?, server.clone());
            Ok(thread::spawn(move || serve(listener, &server)))
        })
        .collect::<Result<_>>()?;
    for thread in threads {
        thread.join().map_err(|_| anyhow!("a thread of the null server panicked"))??;
    }
    Ok(())
}

fn serve(listener: TcpListener, server: &Arc<Server>) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&runtime, async move {
        let listener = tokio::net::TcpListener::from_std(listener)?;
        loop {
            let (stream, _) = listener.accept().await.context("accept a connection")?;
            stream.set_nodelay(true)?;
            let server = server.clone();
            tokio::task::spawn_local(async move {
                let service = service_fn(|request| answer(&server, request));
                let connection =
                    http1::Builder::new().serve_connection(TokioIo::new(stream), service);
                drop(connection.await); // whoever went away needs no answer
            });
        }
    })
}

struct Server {
    work: Work,
    wal: Option<Wal>,
    documents: Documents,
    answered: AtomicU64,
    watchers: Watchers,
}

async fn answer(server: &Server, request: Request<Incoming>) -> Result<Response<Full<Bytes>>> {
    let is_post = *request.method() == Method::POST;
    let (head, body) = request.into_parts();
    let body = match Limited::new(body, BODY_MAX).collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) => return Err(anyhow!(error)),
    };
    let mut computer = None;
    if server.work == Work::Parse && is_post {
        match computer_in(&body) {
            Ok(found) => computer = found,
            Err(error) => {
                let refusal = Full::new(format!("{error:#}").into());
                return Ok(Response::builder().status(StatusCode::BAD_REQUEST).body(refusal)?);
            }
        }
    }
    if let Some(wal) = server.wal.as_ref().filter(|_| is_post) {
        wal.append(&body).await?;
    }
    let documents = &server.documents;
    let document = match head.uri.path() {
        "/requestComputerPartition" => {
            if let Some(computer) = &computer {
                server.watchers.changed(computer);
            }
            documents.allocation(server.answered.fetch_add(1, Relaxed), computer.as_deref())
        }
        "/getFullComputerInformation" => documents.computer.clone(),
        "/registerComputerPartition" => documents.partition.clone(),
        path if path.ends_with("/watch") => {
            server.watchers.wait(path, head.uri.query().unwrap_or("")).await.into()
        }
        _ => Bytes::from_static(b"done"),
    };
    Ok(Response::new(Full::new(document)))
}

/// Decodes all that a form holds; the computer that it asks for, if any.
fn computer_in(form: &[u8]) -> Result<Option<String>> {
    let mut computer = None;
    for (key, text) in form_urlencoded::parse(form) {
        let is_document = text.starts_with('<') && (key.ends_with("xml") || key == "state");
        if is_document {
            let document = decode(text.as_bytes()).with_context(|| key.to_string())?;
            computer = document.get_text("computer_guid").map(str::to_owned).or(computer);
        }
    }
    Ok(computer)
}
