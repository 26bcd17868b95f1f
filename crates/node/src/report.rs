//! What the node tells the master: about each partition and each release by one sender, in order.
//!
//! A call that was begun cannot be taken back, so nothing else is sent about the same thing until
//! it has been answered; of what gathers meanwhile only the latest is sent. Each report says which
//! answer came before it, so that the master finds one that was given up and arrives all the same.

use std::{future::Future, time::Duration};

use slapos_core::names::Revision;
use slapos_wire::{
    client::ClientError,
    v1::{Accepted, InstanceReport, SupplyReport},
};
use tokio::{sync::watch, time::sleep};
use tracing::Instrument;

/// First and longest pause before an unanswered report is sent again.
const PAUSE: (Duration, Duration) = (Duration::from_millis(20), Duration::from_secs(5));
/// The largest report, in bytes: less than the master takes, which is 1 MiB.
const REPORT_BYTES_MAX: usize = (1 << 20) - 1024;
/// The end of a longer text is kept, as the master does.
const TEXT_BYTES_MAX: usize = 64 << 10;
/// All messages of promises together; the end of one that takes more than its share is kept.
const MESSAGES_BYTES_MAX: usize = 256 << 10;
/// The most for one of them.
const MESSAGE_BYTES_MAX: usize = 8 << 10;

/// Whether a report was about the current wish; the error is why the master does not take it.
type Answer = Result<bool, String>;

/// Sends the reports about one thing. Ends when it is dropped.
#[derive(Debug)]
pub(crate) struct Reporter<R> {
    outbox: watch::Sender<Option<Numbered<R>>>,
    heard: watch::Receiver<Heard>,
}

#[derive(Debug, Clone)]
struct Numbered<R> {
    number: u64,
    report: R,
}

#[derive(Debug, Clone)]
struct Heard {
    number: u64,
    answer: Answer,
}

impl<R: Clone + Send + Sync + 'static> Reporter<R> {
    /// Begins to send reports by `send`, each with the revision that was heard before; first of all
    /// that is `heard`.
    pub(crate) fn start<F, S>(heard: Revision, send: S) -> Self
    where
        F: Future<Output = Result<Accepted, ClientError>> + Send,
        S: Fn(R, Revision) -> F + Send + 'static,
    {
        let (outbox, waiting) = watch::channel(None);
        let (hear, answers) = watch::channel(Heard { number: 0, answer: Ok(false) });
        let delivering = async move { deliver(waiting, &hear, heard, send).await };
        tokio::spawn(delivering.in_current_span());
        Self { outbox, heard: answers }
    }

    /// Sends a report, unless another one comes before it is its turn. Waits for nothing.
    pub(crate) fn begin(&self, report: R) {
        let _number = self.post(report);
    }

    /// Sends the last report again, if there was one: the master may have lost it.
    pub(crate) fn repeat(&self) {
        self.outbox.send_if_modified(|last| {
            let Some(last) = last else { return false };
            last.number += 1;
            true
        });
    }

    /// Sends a report and waits, as long as the master does not answer.
    pub(crate) async fn tell(&self, report: R) -> Answer {
        let number = self.post(report);
        let mut heard = self.heard.clone();
        let answered = heard.wait_for(|heard| heard.number >= number).await;
        answered.map_or(Ok(false), |heard| heard.answer.clone()) // an error: the node is ending
    }

    /// Tells of each report that is posted.
    #[cfg(test)]
    pub(crate) fn outbox(&self) -> watch::Receiver<impl Sized + use<R>> {
        self.outbox.subscribe()
    }

    fn post(&self, report: R) -> u64 {
        let mut number = 0;
        self.outbox.send_modify(|last| {
            number = last.as_ref().map_or(0, |last| last.number) + 1;
            *last = Some(Numbered { number, report });
        });
        number
    }
}

async fn deliver<R, F, S>(
    mut outbox: watch::Receiver<Option<Numbered<R>>>,
    hear: &watch::Sender<Heard>,
    mut follows: Revision,
    send: S,
) where
    R: Clone,
    F: Future<Output = Result<Accepted, ClientError>>,
    S: Fn(R, Revision) -> F,
{
    let mut pause = PAUSE.0;
    while outbox.changed().await.is_ok() {
        loop {
            let latest = outbox.borrow_and_update().clone();
            let Some(Numbered { number, report }) = latest else { break };
            let answer = match send(report, follows).await {
                Err(error) if error.is_temporary() => {
                    tracing::debug!(%error, "telling the master again");
                    sleep(pause).await;
                    pause = (pause * 2).min(PAUSE.1);
                    if outbox.has_changed().is_err() {
                        return;
                    }
                    continue;
                }
                // What the master does not know it does not wish; the watch says what it does.
                Err(ClientError::Refused(problem)) if problem.status == 404 => {
                    tracing::info!(
                        code = problem.code,
                        "the master does not know what a report is about"
                    );
                    Ok(false)
                }
                Err(error) => {
                    tracing::error!(%error, "the master does not take a report");
                    Err(error.to_string())
                }
                Ok(accepted) => {
                    follows = accepted.revision;
                    if accepted.overtaken {
                        tracing::debug!("another report came in between; telling the master again");
                        continue;
                    }
                    Ok(accepted.current)
                }
            };
            pause = PAUSE.0;
            hear.send_replace(Heard { number, answer });
            break;
        }
    }
}

/// Cuts texts so that the master takes the report; the error says what is too large all the same.
pub(crate) fn fit_instance(mut report: InstanceReport) -> Result<InstanceReport, String> {
    report.text = report.text.as_deref().map(|text| end_of(text, TEXT_BYTES_MAX));
    let share = MESSAGES_BYTES_MAX / report.promises.len().max(1);
    for promise in &mut report.promises {
        promise.message = end_of(&promise.message, share.min(MESSAGE_BYTES_MAX));
    }
    let length = serde_json::to_vec(&report).map_or(0, |bytes| bytes.len());
    if length > REPORT_BYTES_MAX {
        return Err(format!(
            "report-too-large: what the instance publishes, requests and promises has {length} \
             bytes; the master takes {REPORT_BYTES_MAX}; publish less, e.g. the address of a file"
        ));
    }
    Ok(report)
}

/// Cuts the text so that the master takes the report.
pub(crate) fn fit_supply(report: SupplyReport) -> SupplyReport {
    let text = report.text.as_deref().map(|text| end_of(text, TEXT_BYTES_MAX));
    SupplyReport { text, ..report }
}

fn end_of(text: &str, bytes_max: usize) -> String {
    text[text.ceil_char_boundary(text.len().saturating_sub(bytes_max))..].to_owned()
}

#[cfg(test)]
mod tests {
    use slapos_core::names::{Generation, InstanceId, ReportedState};
    use slapos_wire::v1::{Problem, Promise};
    use tokio::sync::{mpsc, oneshot};

    use super::*;

    fn refused(status: u16) -> ClientError {
        let title = format!("status {status}");
        ClientError::Refused(Box::new(Problem { code: "x".into(), title, status, hint: None }))
    }

    type Call = (u32, u64, oneshot::Sender<Result<Accepted, ClientError>>);

    /// The answer to a report that was taken in.
    fn taken(revision: u64) -> Result<Accepted, ClientError> {
        Ok(Accepted { revision: Revision(revision), current: true, overtaken: false })
    }

    /// A reporter, and the calls that arrive at its master, which answers each when it likes.
    fn reporter() -> (Reporter<u32>, mpsc::UnboundedReceiver<Call>) {
        let (calls, arrived) = mpsc::unbounded_channel();
        let reporter = Reporter::start(Revision(5), move |report, follows| {
            let (answer, answered) = oneshot::channel();
            calls.send((report, follows.0, answer)).unwrap();
            async { answered.await.unwrap() }
        });
        (reporter, arrived)
    }

    #[tokio::test]
    async fn an_old_report_never_overtakes_and_of_those_that_wait_only_the_latest_is_sent() {
        let (reporter, mut arrived) = reporter();
        reporter.begin(1);
        let (first, before, answer) = arrived.recv().await.unwrap();
        reporter.begin(2);
        reporter.begin(3);
        let told = async { reporter.tell(4).await };
        let answered = async {
            tokio::task::yield_now().await;
            assert!(arrived.try_recv().is_err(), "the first has not been answered");
            answer.send(taken(6)).unwrap();
            let (last, after, answer) = arrived.recv().await.unwrap();
            answer.send(taken(7)).unwrap();
            (last, after)
        };
        let (told, last) = tokio::join!(told, answered);
        assert_eq!((first, before, last, told), (1, 5, (4, 6), Ok(true)));
        assert!(arrived.try_recv().is_err());
    }

    #[tokio::test]
    async fn a_report_that_is_not_answered_is_sent_again_and_one_that_is_refused_is_not() {
        let (reporter, mut arrived) = reporter();
        let answering = async {
            for answer in [Err(refused(503)), taken(6), Err(refused(413)), Err(refused(404))] {
                arrived.recv().await.unwrap().2.send(answer).unwrap();
            }
        };
        let telling =
            async { [reporter.tell(1).await, reporter.tell(2).await, reporter.tell(3).await] };
        let ((), told) = tokio::join!(answering, telling);
        assert_eq!(told, [Ok(true), Err("status 413".into()), Ok(false)]);
        drop(reporter);
        assert!(arrived.recv().await.is_none(), "nothing more is sent");
    }

    #[tokio::test]
    async fn a_report_that_was_overtaken_by_a_late_one_is_sent_again() {
        let (reporter, mut arrived) = reporter();
        let answering = async {
            let overtaken = Accepted { revision: Revision(8), current: true, overtaken: true };
            let mut followed = vec![];
            for answer in [Ok(overtaken), taken(9)] {
                let (report, follows, reply) = arrived.recv().await.unwrap();
                reply.send(answer).unwrap();
                followed.push((report, follows));
            }
            followed
        };
        let (followed, told) = tokio::join!(answering, reporter.tell(1));
        assert_eq!((followed, told), (vec![(1, 5), (1, 8)], Ok(true)));
    }

    #[test]
    fn long_texts_are_cut_and_a_report_that_stays_too_large_is_refused_by_name() {
        let promise =
            |length| Promise { name: "p".into(), ok: false, message: "ü".repeat(length) };
        let report = InstanceReport {
            id: InstanceId(1),
            generation: Generation(1),
            follows: None,
            state: ReportedState::Error,
            text: Some("first ".to_owned() + &"ö".repeat(1 << 20) + " last"),
            connection: None,
            shared: [].into(),
            requested: None,
            promises: (0..200).map(|_| promise(40_000)).collect(),
        };
        let fitted = fit_instance(report.clone()).unwrap();
        let text = fitted.text.as_deref().unwrap();
        assert!(text.len() <= TEXT_BYTES_MAX && text.ends_with("ö last"));
        assert!(fitted.promises.iter().all(|promise| promise.message.len() > 1000));
        assert!(serde_json::to_vec(&fitted).unwrap().len() < REPORT_BYTES_MAX);

        let large = [("key".to_owned(), "x".repeat(1 << 20))].into();
        let why = fit_instance(InstanceReport { connection: Some(large), ..report }).unwrap_err();
        assert!(why.contains("report-too-large") && why.contains("publish less"), "{why}");
    }
}
