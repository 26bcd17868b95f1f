//! The task of one release: installs, removes, reports.

use std::{
    fs, io,
    sync::Arc,
    time::{Duration, Instant},
};

use camino::Utf8Path;
use slapos_core::names::{Generation, Revision, SoftwareUrl, SupplyState, SupplyWish};
use slapos_profile::{Eggs, HostError, PartProgress, Progress, RequestAnswer, RequestAsk};
use slapos_wire::v1::{Supply, SupplyReport};
use tokio::{
    sync::{SemaphorePermit, watch},
    task::block_in_place,
};

use super::{Completed, environments};
use crate::{
    agent::Node,
    calls, confine,
    evaluate::{Serve, evaluate},
    files::insist,
    format, job,
    report::{Reporter, fit_supply},
};

/// The longest that an installation may take.
const INSTALL_LIMIT: Duration = Duration::from_secs(2 * 3600);
/// The pause after a failed installation; doubled each time.
const RETRY_FIRST: Duration = Duration::from_secs(60);
/// The longest such pause.
const RETRY_MAX: Duration = Duration::from_secs(3600);
/// Progress is told to the master at most so often: each time is a commit.
const TELL_EVERY: Duration = Duration::from_secs(1);

/// One release on this computer.
pub(crate) struct Release {
    node: Arc<Node>,
    url: SoftwareUrl,
    wishes: watch::Receiver<Supply>,
    reports: Reporter<SupplyReport>,
}

impl Release {
    /// A release whose wishes come through `wishes`; the first came with the revision `heard`.
    pub(crate) fn new(
        node: Arc<Node>,
        url: SoftwareUrl,
        wishes: watch::Receiver<Supply>,
        heard: Revision,
    ) -> Self {
        let (client, computer) = (node.client.clone(), node.settings.computer.clone());
        let reports = Reporter::start(heard, move |report: SupplyReport, follows| {
            let (client, computer) = (client.clone(), computer.clone());
            let report = SupplyReport { follows: Some(follows), ..report };
            async move {
                calls::once(&client, move |client| client.report_supply(&computer, &report)).await
            }
        });
        Self { node, url, wishes, reports }
    }
}

/// Runs the task until nobody wishes anything of the release any more.
pub(crate) async fn run(mut release: Release) {
    let mut pause = RETRY_FIRST;
    loop {
        let wish = release.wishes.borrow_and_update().clone();
        let mut interrupt = release.wishes.clone();
        let another = release.another(&wish, &mut interrupt);
        let heard = match calls::unless(another, release.pass(&wish)).await {
            Err(another) => another,
            Ok(true) => release.wishes.changed().await, // the same one too: a pass tells what there is
            Ok(false) => {
                let after = pause;
                pause = (pause * 2).min(RETRY_MAX);
                let mut wishes = release.wishes.clone();
                tokio::select! {
                    another = release.another(&wish, &mut wishes) => another,
                    () = tokio::time::sleep(after) => continue,
                }
            }
        };
        if heard.is_err() {
            return;
        }
        pause = RETRY_FIRST; // another wish has not failed yet
    }
}

impl Release {
    /// Waits for another wish than this one. A master that came back tells the same one again, and
    /// may have lost what it was told: it hears that once more, and nothing is interrupted.
    async fn another(
        &self,
        wish: &Supply,
        wishes: &mut watch::Receiver<Supply>,
    ) -> Result<(), watch::error::RecvError> {
        loop {
            wishes.changed().await?;
            if !is_same(&wishes.borrow_and_update(), wish) {
                return Ok(());
            }
            self.reports.repeat();
        }
    }

    /// Brings the release to what is wished; true when it is.
    async fn pass(&self, wish: &Supply) -> bool {
        let directory = self.node.settings.release_directory(&self.url);
        match wish.wished {
            SupplyWish::Destroyed => self.remove(wish, &directory).await,
            SupplyWish::Available if has(&directory, wish) => {
                self.node.release_ready(&self.url);
                wish.state == SupplyState::Available
                    || self.report(wish.generation, SupplyState::Available, None).await
            }
            SupplyWish::Available => self.install(wish, &directory).await,
        }
    }

    async fn install(&self, wish: &Supply, directory: &Utf8Path) -> bool {
        let Some(_turn) = self.turn(wish).await else { return false };
        tracing::info!("installing");
        self.report(wish.generation, SupplyState::Building, Some("preparing".into())).await;
        let started = Instant::now();
        match self.evaluate(wish, directory).await {
            Ok(()) => {
                let seconds = started.elapsed().as_secs_f32();
                tracing::info!(seconds, "installed");
                self.node.release_ready(&self.url);
                self.report(wish.generation, SupplyState::Available, None).await
            }
            Err(text) => {
                tracing::error!(error = %text, "installation failed");
                let (url, computer) = (&self.url, &self.node.settings.computer);
                let text = format!(
                    "{text}\ntried again by itself after a while; at once: slapos supply {url} {computer}"
                );
                self.report(wish.generation, SupplyState::Error, Some(text)).await;
                false
            }
        }
    }

    /// Waits until it may be installed, and says so; `None` when the node is ending.
    async fn turn(&self, wish: &Supply) -> Option<SemaphorePermit<'_>> {
        let turns = &self.node.installations;
        if let Ok(turn) = turns.try_acquire() {
            return Some(turn);
        }
        let max = self.node.settings.installations_max;
        let text = format!("waits for its turn: {max} at a time are installed on this computer");
        self.reports.begin(self.about(wish.generation, SupplyState::Building, Some(text)));
        turns.acquire().await.ok()
    }

    async fn evaluate(&self, wish: &Supply, directory: &Utf8Path) -> Result<(), String> {
        let settings = &self.node.settings;
        let user = settings.users.map(|users| users.software);
        let name = directory.file_name().unwrap_or_default();
        format::directory_below(&settings.software_root, name, 0o755, user)
            .map_err(|error| chain(&error))?;
        let failed = |error: io::Error| format!("prepare {directory}: {error}");
        Completed::erase(directory).map_err(failed)?;
        let profile = settings.profile_location(&self.url);
        let spec = confine::release_evaluation(settings, directory, &profile);
        let job = job::release(settings, &profile, directory);
        let log = settings.release_log(&self.url);
        fs::create_dir_all(log.parent().unwrap_or(&settings.var_root)).map_err(failed)?;
        let (generation, told) = (wish.generation, Instant::now());
        let mut serve = Installation { release: self, generation, told, last: Default::default() };
        let outcome =
            evaluate(&settings.program, &spec, job, &log, INSTALL_LIMIT, &mut serve).await;
        let outcome = outcome.map_err(|error| chain(&error))?;
        let completed = Completed::new(self.url.as_str(), outcome.inputs, wish.again);
        block_in_place(|| completed.write(directory)).map_err(failed)?;
        environments::remove_unused(&self.node).await; // the one that it had before
        Ok(())
    }

    async fn remove(&self, wish: &Supply, directory: &Utf8Path) -> bool {
        let log = self.node.settings.release_log(&self.url);
        let remove = || {
            Completed::erase(directory)?;
            match fs::remove_dir_all(directory) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
                _ => crate::log::remove(&log),
            }
        };
        let removed = block_in_place(|| insist(directory, remove));
        let (state, text) = match removed {
            Ok(()) => {
                environments::remove_unused(&self.node).await;
                (SupplyState::Destroyed, None)
            }
            Err(error) => (SupplyState::Error, Some(format!("remove {directory}: {error}"))),
        };
        let done = state == SupplyState::Destroyed;
        self.report(wish.generation, state, text).await && done
    }

    /// Tells the master; false when it does not take the report.
    async fn report(
        &self,
        generation: Generation,
        state: SupplyState,
        text: Option<String>,
    ) -> bool {
        self.reports.tell(self.about(generation, state, text)).await.is_ok()
    }

    fn about(
        &self,
        generation: Generation,
        state: SupplyState,
        text: Option<String>,
    ) -> SupplyReport {
        let software_release = self.url.clone();
        let follows = None; // the reporter knows
        fit_supply(SupplyReport {
            software_release,
            generation,
            follows,
            state,
            text,
            percent: None,
        })
    }
}

/// Nothing else is wished; what is told of its state may differ.
pub(crate) fn is_same(wish: &Supply, other: &Supply) -> bool {
    (wish.generation, wish.wished) == (other.generation, other.wished)
}

/// What is wished is there: complete, and not older than the wish to install it again.
fn has(directory: &Utf8Path, wish: &Supply) -> bool {
    Completed::of(directory).is_some_and(|completed| completed.again >= wish.again)
}

/// What the installing child may ask.
struct Installation<'a> {
    release: &'a Release,
    generation: Generation,
    told: Instant,
    /// What was told last.
    last: (String, u8),
}

impl Serve for Installation<'_> {
    async fn request(&mut self, ask: RequestAsk) -> Result<RequestAnswer, HostError> {
        Err(HostError {
            message: format!("a software release cannot request `{}`", ask.title),
            hint: Some("move the request to the release's instance profile".into()),
        })
    }

    async fn environment(&mut self, eggs: Eggs) -> Result<(), HostError> {
        let Self { release, generation, .. } = self;
        let directory = release.node.settings.release_directory(&release.url);
        let begins = || {
            let text =
                Some("making the Python environment, once for all releases with these eggs".into());
            release.reports.begin(release.about(*generation, SupplyState::Building, text));
        };
        environments::provide(&release.node, &directory, &eggs, begins).await
    }

    fn progress(&mut self, progress: Progress) {
        let now = told(&progress);
        if self.told.elapsed() < TELL_EVERY || self.last == now {
            return; // the child tells it again
        }
        self.told = Instant::now();
        self.last.clone_from(&now);
        let (text, percent) = now;
        let about = self.release.about(self.generation, SupplyState::Building, Some(text));
        self.release.reports.begin(SupplyReport { percent: Some(percent), ..about });
    }
}

/// Progress as a line for people, and how far the release is: its finished parts, and what is done of the steps of the
/// others.
fn told(progress: &Progress) -> (String, u8) {
    let steps = progress.running.iter().map(|part| format!("{}: {}", part.part, part.text));
    let mut text = steps.collect::<Vec<_>>().join("; ");
    if progress.total > 1 {
        text.push_str(&format!(" ({} of {} parts are done)", progress.finished, progress.total));
    }
    let step = |part: &PartProgress| (part.done * 100).checked_div(part.total).unwrap_or(0);
    let steps: u64 = progress.running.iter().map(step).sum();
    let percent = (progress.finished * 100 + steps).checked_div(progress.total).unwrap_or(0);
    (text, u8::try_from(percent.min(100)).unwrap_or(100))
}

/// An error with its causes, one line each.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(&format!("\n  caused by: {cause}"));
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use slapos_core::names::Timestamp;

    use super::*;
    use crate::settings::Settings;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_release_that_nobody_wishes_any_more_is_left_in_the_middle_of_a_pass() {
        let base = tempfile::tempdir().unwrap();
        let settings = Settings::below(Utf8Path::from_path(base.path()).unwrap());
        let node = Arc::new(Node::new(settings));
        let _others = node.installations.acquire().await.unwrap(); // its turn never comes
        let url = SoftwareUrl::try_from("software/x").unwrap();
        let (wishes, wished) = watch::channel(Supply {
            software_release: url.clone(),
            wished: SupplyWish::Available,
            state: SupplyState::Building,
            generation: Generation(1),
            text: None,
            percent: None,
            changed_at: Timestamp(0),
            again: Generation(0),
        });
        let release = Release::new(Arc::clone(&node), url, wished, Revision(1));
        let mut begun = release.reports.outbox();
        let running = tokio::spawn(run(release));
        begun.changed().await.unwrap(); // it says that it waits
        drop(wishes);
        let ended = tokio::time::timeout(Duration::from_secs(20), running).await;
        ended.expect("the task goes on for ever").unwrap();
    }

    #[test]
    fn progress_tells_every_part_that_is_being_installed() {
        let part = |part: &str, text: &str, done, total| PartProgress {
            part: part.to_owned(),
            text: text.to_owned(),
            done,
            total,
        };
        let php = part("php", "download libxml2", 1, 2);
        let one = Progress { running: vec![php.clone()], finished: 0, total: 1 };
        assert_eq!(told(&one), ("php: download libxml2".to_owned(), 50));
        let running = vec![php, part("eggs", "install eggs", 0, 0)];
        let two = Progress { running, finished: 1, total: 5 };
        let text = "php: download libxml2; eggs: install eggs (1 of 5 parts are done)";
        assert_eq!(told(&two), (text.to_owned(), 30));
    }
}
