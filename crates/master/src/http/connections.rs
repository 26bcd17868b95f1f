//! Connections: how many, and how long each may be silent. Calls have their own limits, so one
//! that runs a call is left alone.

use std::{
    future::Future,
    io::{self, IoSlice},
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    extract::{ConnectInfo, Request, connect_info::Connected},
    serve::IncomingStream,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, Sleep, sleep},
};

/// What connections may do.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    /// So many at once; others wait to be accepted.
    pub(crate) connections: usize,
    /// So long one may take to say what it wants, and stay open when it wants nothing.
    pub(crate) idle: Duration,
    /// So long a client may take nothing of an answer.
    pub(crate) stalled: Duration,
}

impl Default for Patience {
    /// Connections for all calls that may wait, and for twice those that may run: a call never
    /// lacks a connection. Clients that keep connections for the next call give them up sooner
    /// than this does.
    fn default() -> Self {
        let connections = super::limits::WAITING_MAX + 2 * super::limits::QUICK_MAX;
        Self { connections, idle: Duration::from_secs(75), stalled: Duration::from_secs(30) }
    }
}

/// Accepts connections.
#[derive(Debug)]
pub(crate) struct Listener {
    tcp: TcpListener,
    patience: Patience,
    places: Arc<Semaphore>,
}

impl Listener {
    pub(crate) fn new(tcp: TcpListener, patience: Patience) -> Self {
        Self { tcp, patience, places: Arc::new(Semaphore::new(patience.connections)) }
    }
}

impl axum::serve::Listener for Listener {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        let place = Arc::clone(&self.places).acquire_owned().await;
        let (tcp, address) = axum::serve::Listener::accept(&mut self.tcp).await;
        let _best = tcp.set_nodelay(true); // without it, a wake-up may come some milliseconds later
        let peer = Peer { address, calls: Arc::default() };
        let patience = self.patience;
        let connection =
            Connection { tcp, peer, patience, idle: None, stalled: None, _place: place.ok() };
        (connection, address)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.tcp.local_addr()
    }
}

/// Who calls, and how many calls its connection runs.
#[derive(Debug, Clone)]
pub(crate) struct Peer {
    pub(super) address: SocketAddr,
    calls: Arc<AtomicUsize>,
}

impl Connected<IncomingStream<'_, Listener>> for Peer {
    fn connect_info(stream: IncomingStream<'_, Listener>) -> Self {
        stream.io().peer.clone()
    }
}

/// A call that runs. While this lives, its connection may be silent.
pub(super) struct Running(Arc<AtomicUsize>);

impl Running {
    pub(super) fn new(request: &Request) -> Option<Self> {
        let calls = &request.extensions().get::<ConnectInfo<Peer>>()?.0.calls;
        calls.fetch_add(1, Ordering::Relaxed);
        Some(Self(Arc::clone(calls)))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

type Timer = Option<Pin<Box<Sleep>>>;

/// One connection.
#[derive(Debug)]
pub(crate) struct Connection {
    tcp: TcpStream,
    peer: Peer,
    patience: Patience,
    /// Runs from when there is nothing to read, anew each time that something was answered.
    idle: Timer,
    /// Runs from when nothing more can be written until something can.
    stalled: Timer,
    _place: Option<OwnedSemaphorePermit>,
}

/// Pending, or an error when the timer, which runs from the first time on, is over.
fn patient<T>(timer: &mut Timer, limit: Duration, cx: &mut Context<'_>) -> Poll<io::Result<T>> {
    let timer = timer.get_or_insert_with(|| Box::pin(sleep(limit)));
    timer.as_mut().poll(cx).map(|()| Err(io::ErrorKind::TimedOut.into()))
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let read = Pin::new(&mut this.tcp).poll_read(cx, buffer);
        if read.is_ready() {
            return read; // the timer runs on: saying it slowly does not count
        }
        if this.peer.calls.load(Ordering::Relaxed) > 0 {
            this.idle = None;
            return Poll::Pending;
        }
        patient(&mut this.idle, this.patience.idle, cx)
    }
}

impl Connection {
    fn wrote(
        &mut self,
        written: Poll<io::Result<usize>>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        if written.is_pending() {
            return patient(&mut self.stalled, self.patience.stalled, cx);
        }
        self.stalled = None;
        if let Some(idle) = &mut self.idle {
            idle.as_mut().reset(Instant::now() + self.patience.idle);
        }
        // wakes whoever drives the connection, which asked for the next call before it answered
        let _later = patient::<()>(&mut self.idle, self.patience.idle, cx);
        written
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.tcp).poll_write(cx, bytes);
        self.wrote(written, cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.tcp).poll_write_vectored(cx, slices);
        self.wrote(written, cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.tcp.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::{
        convert::Infallible,
        io::{Read, Write},
    };

    use axum::{
        Router,
        body::Body,
        middleware::{Next, from_fn},
        routing::{get, post},
    };
    use futures_util::{StreamExt, stream};

    use super::*;

    /// Far more than the pause between two words of a caller, so that a busy machine is no silence.
    const IDLE: Duration = Duration::from_secs(2);
    const PAUSE: Duration = Duration::from_millis(30);

    /// Serves with little patience: where.
    async fn serve(connections: usize) -> SocketAddr {
        let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = tcp.local_addr().unwrap();
        let listener = Listener::new(tcp, Patience { connections, idle: IDLE, stalled: IDLE });
        let slow = async || {
            sleep(IDLE * 3 / 2).await;
            "slowly"
        };
        let pieces = async || {
            let pieces = stream::iter(0..12).then(async |number| {
                sleep(IDLE / 8).await;
                Ok::<_, Infallible>(format!("piece {number};"))
            });
            Body::from_stream(pieces)
        };
        let router = Router::new()
            .route("/pieces", get(pieces))
            .route("/quick", get(async || "quickly"))
            .route("/slow", get(slow))
            .route("/large", get(async || vec![b'x'; 64 << 20]))
            .layer(from_fn(async |request: Request, next: Next| {
                let _running = Running::new(&request);
                next.run(request).await
            }));
        let calls = router.into_make_service_with_connect_info::<Peer>();
        tokio::spawn(async { axum::serve(listener, calls).await });
        address
    }

    /// Says something; what is answered until the connection is closed.
    async fn hear(address: SocketAddr, said: &[&'static str]) -> String {
        let said = said.to_vec();
        let talk = move || {
            let mut stream = std::net::TcpStream::connect(address).unwrap();
            stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
            for text in said {
                // the other side may have closed it already
                let _gone = stream.write_all(text.as_bytes());
                std::thread::sleep(PAUSE);
            }
            let mut answer = Vec::new();
            let end = stream.read_to_end(&mut answer).map_err(|error| error.kind());
            assert_ne!(end, Err(io::ErrorKind::WouldBlock), "it is closed");
            String::from_utf8(answer).unwrap()
        };
        tokio::task::spawn_blocking(talk).await.unwrap()
    }

    const QUICK: &str = "GET /quick HTTP/1.1\r\nhost: a\r\n\r\n";
    const SLOW: &str = "GET /slow HTTP/1.1\r\nhost: a\r\n\r\n";

    #[tokio::test(flavor = "multi_thread")]
    async fn whoever_says_nothing_or_takes_long_to_say_it_is_hung_up_on() {
        let address = serve(10).await;
        assert_eq!(hear(address, &[]).await, "");
        // who goes on talking is hung up on all the same, so that a later word is refused
        let talk = move || {
            let mut stream = std::net::TcpStream::connect(address).unwrap();
            let said = (0..600).take_while(|_| {
                std::thread::sleep(PAUSE);
                stream.write_all(b"x").is_ok()
            });
            said.count()
        };
        let said = tokio::task::spawn_blocking(talk).await.unwrap();
        assert!(said < 600, "it is still listened to");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_call_may_take_long_and_a_connection_may_have_many() {
        let address = serve(10).await;
        let (slowly, pieces, many) = tokio::join!(
            hear(address, &[SLOW]),
            hear(address, &["GET /pieces HTTP/1.1\r\nhost: a\r\n\r\n"]),
            hear(address, &[QUICK, QUICK, SLOW, QUICK]),
        );
        assert!(slowly.ends_with("slowly"), "{slowly}");
        assert!(pieces.contains("piece 11;"), "an answer may come in pieces: {pieces}");
        assert_eq!(many.matches("quickly").count(), 3, "{many}");
    }

    /// Tells when it goes.
    struct Work(std::sync::mpsc::Sender<()>);

    impl Drop for Work {
        fn drop(&mut self) {
            let _unheard = self.0.send(());
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn nobody_works_for_who_hung_up() {
        let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = tcp.local_addr().unwrap();
        let (said, heard) = std::sync::mpsc::channel();
        let (begins, began) = std::sync::mpsc::channel();
        let work = async move || {
            let _work = Work(said.clone());
            begins.send(()).unwrap();
            std::future::pending::<&str>().await
        };
        let calls =
            Router::new().route("/work", post(work)).into_make_service_with_connect_info::<Peer>();
        let listener = Listener::new(tcp, Patience::default());
        tokio::spawn(async { axum::serve(listener, calls).await });
        let talk = move || {
            let mut stream = std::net::TcpStream::connect(address).unwrap();
            let call = b"POST /work HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\n{}";
            stream.write_all(call).unwrap();
            began.recv_timeout(Duration::from_secs(60)).unwrap();
            assert!(heard.try_recv().is_err(), "its caller waits");
            drop(stream);
            heard.recv_timeout(Duration::from_secs(60)).unwrap();
        };
        tokio::task::spawn_blocking(talk).await.unwrap();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn whoever_takes_nothing_of_an_answer_makes_room_for_others() {
        let address = serve(1).await;
        let mut greedy = std::net::TcpStream::connect(address).unwrap();
        greedy.write_all(b"GET /large HTTP/1.1\r\nhost: a\r\n\r\n").unwrap();
        // there is one place: this is answered when the other one is hung up on
        let answer = hear(address, &[QUICK]).await;
        assert!(answer.ends_with("quickly"), "{answer}");
        let mut taken = Vec::new();
        let _reset = greedy.read_to_end(&mut taken);
        assert!(taken.len() < 64 << 20, "the answer broke off");
    }
}
