//! The bench: writes files, runs profiles, looks at what came.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt;

use camino::Utf8PathBuf;
use slapos_profile::{
    Action, Eggs, Error, Facts, Host, HostError, Job, Outcome, Progress, Purpose, RequestAnswer,
    RequestAsk, Supply, run,
};

/// A profile that goes over to `default.cfg`, the profile of its type.
pub(crate) const SWITCH: &str = "[buildout]\nparts = switch\n\
    [slap-configuration]\nrecipe = slapos.cookbook:slapconfiguration\n\
    [switch]\nrecipe = slapos.cookbook:switch-softwaretype\ndefault = files:default\n\
    [files]\ndefault = ${buildout:directory}/default.cfg\n";

/// A partition with a profile in it.
pub(crate) struct Bench {
    _keeper: tempfile::TempDir,
    pub(crate) dir: Utf8PathBuf,
    pub(crate) facts: Facts,
    pub(crate) host: TableHost,
}

/// Answers from tables; remembers what it was asked.
#[derive(Default)]
pub(crate) struct TableHost {
    pub(crate) pages: BTreeMap<String, String>,
    pub(crate) connections: BTreeMap<String, BTreeMap<String, String>>,
    pub(crate) refuses: Option<HostError>,
    pub(crate) asked: Vec<RequestAsk>,
    pub(crate) progress: Vec<Progress>,
    pub(crate) eggs: Vec<Eggs>,
}

impl Host for TableHost {
    fn fetch(&mut self, url: &str) -> Result<Vec<u8>, HostError> {
        let found = self.pages.get(url).map(|text| text.clone().into_bytes());
        found.ok_or_else(|| HostError { message: "404".into(), hint: None })
    }

    fn request(&mut self, ask: &RequestAsk) -> Result<RequestAnswer, HostError> {
        self.asked.push(ask.clone());
        if let Some(refusal) = &self.refuses {
            return Err(refusal.clone());
        }
        let connection = self.connections.get(&ask.title).cloned();
        let waiting =
            connection.is_none().then(|| format!("no partition runs `{}` yet", ask.title));
        Ok(RequestAnswer {
            connection,
            id: format!("id-{}", ask.title),
            state: ask.state.clone(),
            waiting,
        })
    }

    fn environment(&mut self, eggs: &Eggs) -> Result<(), HostError> {
        self.eggs.push(eggs.clone());
        Ok(())
    }

    fn progress(&mut self, progress: &Progress) {
        self.progress.push(progress.clone());
    }
}

impl Bench {
    pub(crate) fn new(profile: &str) -> Self {
        let keeper = tempfile::tempdir().unwrap();
        let dir = Utf8PathBuf::from_path_buf(keeper.path().canonicalize().unwrap()).unwrap();
        let facts = Facts {
            computer: "COMP-1".into(),
            partition: "slappart0".into(),
            title: "shop".into(),
            root_title: "shop".into(),
            software_type: "default".into(),
            state: "started".into(),
            ipv4: vec!["127.0.0.2".into()],
            ..Facts::default()
        };
        let bench = Self { _keeper: keeper, dir, facts, host: TableHost::default() };
        bench.file("instance.cfg", profile);
        bench
    }

    /// Writes a file of the partition.
    pub(crate) fn file(&self, name: &str, text: &str) {
        let path = self.dir.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let mut file = fs::File::create(&path).unwrap();
        std::io::Write::write_all(&mut file, text.as_bytes()).unwrap();
    }

    pub(crate) fn job(&self) -> Job {
        let connection =
            [("computer-id", "COMP-1"), ("requested", "started"), ("server-url", "http://master/")];
        let connection = connection.map(|(name, text)| (name.to_owned(), text.to_owned()));
        Job {
            profile: self.dir.join("instance.cfg").into_string(),
            directory: self.dir.clone(),
            state_file: self.dir.join(".installed.json"),
            extra: BTreeMap::from([("slap-connection".to_owned(), BTreeMap::from(connection))]),
            secret: BTreeSet::new(),
            python: Some("/usr/bin/python3".into()),
            purpose: Purpose::Instance(self.facts.clone()),
        }
    }

    /// The same profile as a release.
    pub(crate) fn release(&self) -> Job {
        Job {
            purpose: Purpose::Software(Supply {
                logs: self.dir.join("log"),
                ..Supply::kept_in(&self.dir.join("cache"))
            }),
            ..self.job()
        }
    }

    pub(crate) fn run(&mut self) -> Result<Outcome, Error> {
        let job = self.job();
        self.host.asked.clear();
        run(&job, &mut self.host)
    }

    /// The run, which must go through.
    pub(crate) fn ran(&mut self) -> Outcome {
        self.run().unwrap_or_else(|error| panic!("{}", error.report()))
    }

    /// The run, which must fail; paths of the partition become `DIR`.
    pub(crate) fn report(&mut self) -> String {
        let error = self.run().expect_err("the run goes through");
        error.report().replace(self.dir.as_str(), "DIR")
    }

    pub(crate) fn read(&self, name: &str) -> String {
        let path = self.dir.join(name);
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    pub(crate) fn exists(&self, name: &str) -> bool {
        self.dir.join(name).symlink_metadata().is_ok()
    }

    pub(crate) fn mode(&self, name: &str) -> u32 {
        fs::metadata(self.dir.join(name)).unwrap().permissions().mode() & 0o777
    }

    /// Names of the files in a folder, sorted.
    pub(crate) fn list(&self, name: &str) -> Vec<String> {
        let entries = self.dir.join(name).read_dir_utf8().unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().to_owned()).collect();
        names.sort();
        names
    }
}

/// `name action` of each part.
pub(crate) fn actions(outcome: &Outcome) -> Vec<String> {
    outcome
        .parts
        .iter()
        .map(|part| {
            let action = match &part.action {
                Action::Installed => "installed",
                Action::Updated => "updated",
                Action::Unchanged => "unchanged",
                Action::Removed => "removed",
                Action::Waiting(_) => "waiting",
            };
            format!("{} {action}", part.name)
        })
        .collect()
}

/// The changed paths below `dir`, sorted.
pub(crate) fn changed(bench: &Bench, outcome: &Outcome) -> Vec<String> {
    let mut names: Vec<_> = outcome
        .changed
        .iter()
        .map(|path| path.strip_prefix(&bench.dir).unwrap().to_string())
        .collect();
    names.sort();
    names
}
