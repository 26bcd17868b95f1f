//! A client of the `v1` face: typed calls over HTTP, each with a deadline.
//!
//! The only input and output of this crate. Blocking on purpose: straight-line code for the
//! command line, and one worker thread per call for the node.

use std::{
    collections::VecDeque,
    fmt,
    io::{BufRead, BufReader, Lines},
    time::Duration,
};

use serde::{Serialize, de::DeserializeOwned};
use slapos_core::names::{ComputerId, InstanceId, PartitionId, Revision, Title};

use crate::v1::{
    Accepted, At, BangAsk, Change, Computer, ComputerAsk, Format, Health, HistoryAsk, HistoryEntry,
    Instance, InstanceBangAsk, InstanceReport, IssuedToken, Problem, RegisterAsk, Registered,
    RenameAsk, RequestAsk, StateAsk, Supply, SupplyAsk, SupplyReport, Tree, UpgradeAsk, Usage,
    Watch,
};

/// The largest answer that is read, in bytes.
const ANSWER_BYTES_MAX: u64 = 64 << 20;
/// The longest that an ordinary call may take.
const CALL_TIMEOUT: Duration = Duration::from_secs(30);
/// What a long poll may take beyond the wait that it asked for.
const POLL_GRACE: Duration = Duration::from_secs(15);

/// Why a call brought no result.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nobody answered, or the answer broke off.
    #[error("no answer from the master at {url}")]
    NoAnswer {
        /// The address that was called.
        url: String,
        /// What the transport said.
        #[source]
        source: Box<ureq::Error>,
    },
    /// The master refused.
    #[error("{}", .0.title)]
    Refused(Box<Problem>),
    /// The answer is not what a master of ours says.
    #[error("{url} answered with status {status}, and not as a SlapOS master does: {text}")]
    Strange {
        /// The address that was called.
        url: String,
        /// The HTTP status.
        status: u16,
        /// The beginning of the answer.
        text: String,
    },
}

impl ClientError {
    /// What the person can do next.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NoAnswer { .. } => Some(
                "is the master running? its address is `master_url` in the configuration file"
                    .into(),
            ),
            Self::Refused(problem) => problem.hint.clone(),
            Self::Strange { .. } => Some("check `master_url` in the configuration file".into()),
        }
    }

    /// True when asking again later can help: nobody answered, or the master is busy.
    pub fn is_temporary(&self) -> bool {
        match self {
            Self::NoAnswer { .. } => true,
            Self::Refused(problem) => problem.status >= 500,
            Self::Strange { status, .. } => *status >= 500,
        }
    }
}

/// A master, as seen from outside. Cheap to clone; keeps connections open between calls.
#[derive(Debug, Clone)]
pub struct Client {
    agent: ureq::Agent,
    base: String,
}

impl Client {
    /// A client of the master at `url`, e.g. `http://127.0.0.1:4000`. Connects at the first call.
    pub fn new(url: &str) -> Self {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_connect(Some(Duration::from_secs(5)))
            .timeout_global(Some(CALL_TIMEOUT))
            .proxy(None)
            .user_agent(concat!("slapos/", env!("CARGO_PKG_VERSION")))
            .build();
        Self { agent: config.into(), base: url.trim_end_matches('/').to_owned() }
    }

    /// The address of the master.
    pub fn url(&self) -> &str {
        &self.base
    }

    /// Is the master up, and how far is it?
    pub fn health(&self) -> Result<Health, ClientError> {
        self.get("/v1/health", &[])
    }

    /// All computers.
    pub fn computers(&self) -> Result<Vec<Computer>, ClientError> {
        self.computers_at(None)
    }

    /// One computer.
    pub fn computer(&self, computer: &ComputerId) -> Result<Computer, ClientError> {
        self.computer_at(computer, None)
    }

    /// All computers as they were.
    pub fn computers_at(&self, at: Option<At>) -> Result<Vec<Computer>, ClientError> {
        self.list("/v1/computers", when(at), |it: &Computer| it.computer.to_string())
    }

    /// One computer as it was.
    pub fn computer_at(
        &self,
        computer: &ComputerId,
        at: Option<At>,
    ) -> Result<Computer, ClientError> {
        self.get(&format!("/v1/computers/{computer}"), &when(at))
    }

    /// Says what a computer is for.
    pub fn govern(
        &self,
        computer: &ComputerId,
        ask: &ComputerAsk,
    ) -> Result<Computer, ClientError> {
        self.put(&format!("/v1/computers/{computer}"), ask)
    }

    /// Hands out the right to let one computer join.
    pub fn issue_token(&self) -> Result<IssuedToken, ClientError> {
        self.post("/v1/tokens", &())
    }

    /// Lets a new computer join, by right of a token.
    pub fn register(&self, ask: &RegisterAsk) -> Result<Registered, ClientError> {
        self.post("/v1/computers", ask)
    }

    /// Takes the certificate of a computer away.
    pub fn revoke(&self, computer: &ComputerId) -> Result<Computer, ClientError> {
        let url = format!("{}/v1/computers/{computer}/certificate", self.base);
        Self::answer(&url, self.agent.delete(&url).call())
    }

    /// Declares the partitions of a computer.
    pub fn format(&self, computer: &ComputerId, format: &Format) -> Result<Computer, ClientError> {
        self.put(&format!("/v1/computers/{computer}/format"), format)
    }

    /// Wishes a release on a computer, or wishes it away.
    pub fn supply(&self, computer: &ComputerId, ask: &SupplyAsk) -> Result<Supply, ClientError> {
        self.put(&format!("/v1/computers/{computer}/supplies"), ask)
    }

    /// Says how far a release is.
    pub fn report_supply(
        &self,
        computer: &ComputerId,
        report: &SupplyReport,
    ) -> Result<Accepted, ClientError> {
        self.post(&format!("/v1/computers/{computer}/supplies/report"), report)
    }

    /// Waits up to `wait_seconds` for a change of what the computer has to do since a revision;
    /// `since` 0 asks for everything, at once.
    pub fn watch(
        &self,
        computer: &ComputerId,
        since: Revision,
        wait_seconds: u64,
    ) -> Result<Watch, ClientError> {
        let path = format!("/v1/computers/{computer}/watch");
        let query = [("since", since.0.to_string()), ("wait", wait_seconds.to_string())];
        self.poll(&path, &query, wait_seconds)
    }

    /// Says what became of the instance of a partition.
    pub fn report_instance(
        &self,
        computer: &ComputerId,
        partition: &PartitionId,
        report: &InstanceReport,
    ) -> Result<Accepted, ClientError> {
        self.post(&format!("/v1/computers/{computer}/partitions/{partition}/report"), report)
    }

    /// A request by the instance that lives in a partition.
    pub fn request_from(
        &self,
        computer: &ComputerId,
        partition: &PartitionId,
        ask: &RequestAsk,
    ) -> Result<Instance, ClientError> {
        self.post(&format!("/v1/computers/{computer}/partitions/{partition}/request"), ask)
    }

    /// "Process this instance again."
    pub fn bang(
        &self,
        computer: &ComputerId,
        partition: &PartitionId,
        ask: &BangAsk,
    ) -> Result<Accepted, ClientError> {
        self.post(&format!("/v1/computers/{computer}/partitions/{partition}/bang"), ask)
    }

    /// Sends a sample of the processes of a computer.
    pub fn usage(&self, computer: &ComputerId, usage: &Usage) -> Result<Accepted, ClientError> {
        self.put(&format!("/v1/computers/{computer}/usage"), usage)
    }

    /// A request by a person.
    pub fn request(&self, ask: &RequestAsk) -> Result<Instance, ClientError> {
        self.post("/v1/instances", ask)
    }

    /// Another state for an existing instance, root or child.
    pub fn wish_state(&self, ask: &StateAsk) -> Result<Instance, ClientError> {
        self.post("/v1/instances/state", ask)
    }

    /// "Process this instance again", or its tree, as the person whose tree it is.
    pub fn bang_instance(&self, ask: &InstanceBangAsk) -> Result<Instance, ClientError> {
        self.post("/v1/instances/bang", ask)
    }

    /// Another title for an instance.
    pub fn rename(&self, ask: &RenameAsk) -> Result<Instance, ClientError> {
        self.post("/v1/instances/rename", ask)
    }

    /// Another release for a root.
    pub fn upgrade(&self, ask: &UpgradeAsk) -> Result<Instance, ClientError> {
        self.post("/v1/instances/upgrade", ask)
    }

    /// All instances, or those of a title.
    pub fn instances(&self, title: Option<&Title>) -> Result<Vec<Instance>, ClientError> {
        self.instances_at(title, None)
    }

    /// All instances, or those of a title, as they were.
    pub fn instances_at(
        &self,
        title: Option<&Title>,
        at: Option<At>,
    ) -> Result<Vec<Instance>, ClientError> {
        let titled = title.iter().map(|title| ("title", title.to_string()));
        let query = titled.chain(when(at)).collect();
        self.list("/v1/instances", query, |it: &Instance| it.id.to_string())
    }

    /// The tree below a root.
    pub fn tree(&self, root: &Title) -> Result<Tree, ClientError> {
        self.tree_at(root, None)
    }

    /// The tree below a root as it was.
    pub fn tree_at(&self, root: &Title, at: Option<At>) -> Result<Tree, ClientError> {
        let titled = [("title", root.to_string())].into_iter();
        self.get("/v1/instances/tree", &titled.chain(when(at)).collect::<Vec<_>>())
    }

    /// Waits up to `wait_seconds` until an instance changed after a revision, then shows it.
    pub fn wait_instance(
        &self,
        id: InstanceId,
        since: Revision,
        wait_seconds: u64,
    ) -> Result<Instance, ClientError> {
        let query = [
            ("id", id.to_string()),
            ("since", since.0.to_string()),
            ("wait", wait_seconds.to_string()),
        ];
        self.poll("/v1/instances/wait", &query, wait_seconds)
    }

    /// What happened, oldest first; the newest of it, or of what concerns a title.
    pub fn history(&self, title: Option<&Title>) -> Result<Vec<HistoryEntry>, ClientError> {
        self.history_page(&HistoryAsk { title: title.cloned(), ..HistoryAsk::default() })
    }

    /// The newest `limit` entries, oldest first, in as many calls as it takes.
    pub fn history_of(
        &self,
        ask: &HistoryAsk,
        limit: usize,
    ) -> Result<Vec<HistoryEntry>, ClientError> {
        let mut entries: VecDeque<HistoryEntry> = VecDeque::new();
        let mut ask = ask.clone();
        while entries.len() < limit {
            ask.limit = Some(limit - entries.len());
            let page = self.history_page(&ask)?;
            let Some(first) = page.first() else { break };
            ask.before = Some(first.change.revision);
            page.into_iter().rev().for_each(|entry| entries.push_front(entry));
        }
        Ok(entries.into())
    }

    /// The newest entries that one answer holds.
    fn history_page(&self, ask: &HistoryAsk) -> Result<Vec<HistoryEntry>, ClientError> {
        let said = [
            ("title", ask.title.as_ref().map(Title::to_string)),
            ("computer", ask.computer.as_ref().map(ComputerId::to_string)),
            ("errors", ask.errors.then(|| "true".to_owned())),
            ("limit", ask.limit.map(|limit| limit.to_string())),
            ("before", ask.before.map(|before| before.0.to_string())),
        ];
        let query = said.into_iter().filter_map(|(name, value)| Some((name, value?)));
        self.get("/v1/history", &query.collect::<Vec<_>>())
    }

    /// Follows what happens from now on, without end: one item per change, as soon as it is
    /// durable. Ends with an error when the master goes away.
    pub fn events(&self) -> Result<Events, ClientError> {
        self.follow(None)
    }

    /// The same for so long; then it ends with an error.
    pub fn events_within(&self, limit: Duration) -> Result<Events, ClientError> {
        self.follow(Some(limit))
    }

    fn follow(&self, limit: Option<Duration>) -> Result<Events, ClientError> {
        let url = format!("{}/v1/events", self.base);
        let request = self.agent.get(&url).config().timeout_global(limit).build();
        let response = request.call().map_err(|source| no_answer(&url, source))?;
        if !response.status().is_success() {
            let status = response.status().as_u16();
            return Err(ClientError::Strange { url, status, text: String::new() });
        }
        let lines = BufReader::new(response.into_body().into_reader()).lines();
        Ok(Events { url, lines })
    }

    fn get<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &[(&str, String)],
    ) -> Result<T, ClientError> {
        let url = format!("{}{path}", self.base);
        let pairs = query.iter().map(|(name, value)| (*name, value.as_str()));
        Self::answer(&url, self.agent.get(&url).query_pairs(pairs).call())
    }

    /// A whole list, in as many calls as it takes. `name` is what `after` takes of an item.
    fn list<T: DeserializeOwned>(
        &self,
        path: &str,
        mut query: Vec<(&'static str, String)>,
        name: impl Fn(&T) -> String,
    ) -> Result<Vec<T>, ClientError> {
        let url = format!("{}{path}", self.base);
        let mut items: Vec<T> = Vec::new();
        loop {
            let pairs = query.iter().map(|(name, value)| (*name, value.as_str()));
            let answer = self.agent.get(&url).query_pairs(pairs).call();
            let goes_on = answer.as_ref().is_ok_and(|it| it.headers().contains_key("link"));
            let piece: Vec<T> = Self::answer(&url, answer)?;
            let last = piece.last().map(&name).filter(|_| goes_on);
            items.extend(piece);
            let Some(last) = last else { return Ok(items) };
            query.retain(|(name, _)| *name != "after");
            query.push(("after", last));
        }
    }

    fn poll<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &[(&str, String)],
        wait_seconds: u64,
    ) -> Result<T, ClientError> {
        let url = format!("{}{path}", self.base);
        let pairs = query.iter().map(|(name, value)| (*name, value.as_str()));
        let timeout = Duration::from_secs(wait_seconds) + POLL_GRACE;
        let request = self.agent.get(&url).query_pairs(pairs);
        Self::answer(&url, request.config().timeout_global(Some(timeout)).build().call())
    }

    fn put<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, ClientError> {
        let url = format!("{}{path}", self.base);
        Self::answer(&url, self.agent.put(&url).send_json(body))
    }

    fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, ClientError> {
        let url = format!("{}{path}", self.base);
        Self::answer(&url, self.agent.post(&url).send_json(body))
    }

    fn answer<T: DeserializeOwned>(
        url: &str,
        result: Result<ureq::http::Response<ureq::Body>, ureq::Error>,
    ) -> Result<T, ClientError> {
        let mut response = result.map_err(|source| no_answer(url, source))?;
        let status = response.status();
        let body = response.body_mut().with_config().limit(ANSWER_BYTES_MAX);
        let text = body.read_to_string().map_err(|source| no_answer(url, source))?;
        let strange = || ClientError::Strange {
            url: url.to_owned(),
            status: status.as_u16(),
            text: text.chars().take(200).collect(),
        };
        if status.is_success() {
            return serde_json::from_str(&text).map_err(|_| strange());
        }
        let problem: Problem = serde_json::from_str(&text).map_err(|_| strange())?;
        Err(ClientError::Refused(Box::new(problem)))
    }
}

/// The query of a moment.
fn when(at: Option<At>) -> Vec<(&'static str, String)> {
    at.iter().map(|at| ("at", at.to_string())).collect()
}

fn no_answer(url: &str, source: ureq::Error) -> ClientError {
    ClientError::NoAnswer { url: url.to_owned(), source: Box::new(source) }
}

/// The stream of [`Client::events`]; each `next` blocks until something happens.
pub struct Events {
    url: String,
    lines: Lines<BufReader<ureq::BodyReader<'static>>>,
}

impl Iterator for Events {
    type Item = Result<Change, ClientError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let line = match self.lines.next()? {
                Ok(line) => line,
                Err(error) => return Some(Err(no_answer(&self.url, error.into()))),
            };
            let Some(data) = line.strip_prefix("data:") else {
                continue;
            };
            if let Ok(change) = serde_json::from_str(data.trim_start()) {
                return Some(Ok(change)); // other data is of a newer master: not for us
            }
        }
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Events").field("url", &self.url).finish_non_exhaustive()
    }
}
