//! Releases of SlapOS, unmodified: installed and run by our own master and node until they have published and every
//! promise is green, and laid out as zc.buildout with SlapOS's recipes lays them out.
//!
//! `SLAPOS_PROFILES` names a checkout of the SlapOS profiles, and packages are downloaded; without it these tests only
//! say so. The comparison (`compare`) needs `SLAPOS_TEST_PYTHON`. Downloads are kept in a folder of `/tmp` for the next
//! time.
//!
//! All partitions have the address `::1`, the only IPv6 address that every machine has. So an instance that listens on
//! fixed ports can be here once at a time.

mod compare;
mod internet;

use std::{
    process::Command,
    time::{Duration, Instant},
};

use camino::{Utf8Path, Utf8PathBuf};
use slapos_core::names::SupplyState;
use slapos_node::sys;
use slapos_wire::v1::Instance;

use crate::cloud::{Cloud, write_file};

/// The longest that an installation, or an instance, may take: packages come from far away.
const LONG: Duration = Duration::from_secs(20 * 60);

/// The user `nobody`.
const NOBODY: u32 = 65_534;
/// Its user must be known by name.
const NAMED: [&str; 1] = ["ssh"];
/// They are reached through frontends, which another release serves.
const BEHIND_FRONTEND: [&str; 3] = ["dufs", "hugo", "lamp-template"];

/// The names of the releases that are run here, as `docs/compatibility.md` calls them proven.
const PROVEN: &str = include_str!("../../../profile/tests/proven.txt");

/// A test for each release, and the list of them.
macro_rules! releases {
    ($($test:ident = $name:literal,)*) => {
        $(#[test]
        fn $test() {
            if let Some(real) = Real::start($name) {
                real.prove();
                for (title, passwords) in checks::$test(&real) {
                    compare::compare(&real.cloud, &real.cloud.instance(title), passwords);
                }
            }
        })*

        const RUN: &[&str] = &[$($name),*];
    };
}

releases! {
    caucase = "caucase",
    dufs = "dufs",
    helloworld = "helloworld",
    html5as_base = "html5as-base",
    hugo = "hugo",
    lamp = "lamp-template",
    ssh = "ssh",
}

#[test]
fn what_is_called_proven_is_what_is_run_here() {
    assert_eq!(RUN, PROVEN.lines().collect::<Vec<_>>());
}

/// A cloud where one release is installed.
struct Real {
    cloud: Cloud,
    url: String,
}

impl Real {
    /// Installs a release; `None` without a checkout.
    #[expect(clippy::print_stdout, reason = "says why it is skipped")]
    fn start(name: &str) -> Option<Self> {
        let Some(checkout) = std::env::var_os("SLAPOS_PROFILES") else {
            println!("skipped: SLAPOS_PROFILES names no checkout of the SlapOS profiles");
            return None;
        };
        let checkout = Utf8PathBuf::try_from(std::path::PathBuf::from(checkout)).unwrap();
        let mut cloud = Cloud::master();
        let release = match name {
            "lamp-template" => with_application(&checkout, cloud.path()),
            _ => checkout.join("software").join(name),
        };
        let url = release.join("software.cfg").into_string();
        let cache = format!("/tmp/slapos-test-downloads-{}", sys::whoami());
        let (user, partitions) = if NAMED.contains(&name) { (NOBODY, 1) } else { (62_040, 4) };
        let proxy = BEHIND_FRONTEND.contains(&name).then(internet::start);
        cloud.start_node_for_releases(Utf8Path::new(&cache), user, partitions, proxy.as_deref());
        cloud.until("the node is formatted", |client| client.computers().unwrap().len() == 1);
        let real = Self { cloud, url };
        real.install(&real.url);
        if proxy.is_some() {
            real.install(internet::FRONTEND);
            let request = ["request", "frontend", internet::FRONTEND, "--wait", "--timeout", "90"];
            real.cloud.must(&request, 0);
        }
        Some(real)
    }

    fn install(&self, url: &str) {
        self.cloud.must(&["supply", url, "COMP-1"], 0);
        self.long(&format!("{url} is installed"), |real| {
            let computer = real.cloud.client().computer(&"COMP-1".try_into().unwrap()).unwrap();
            let mut supplies = computer.supplies.into_iter();
            let supply = supplies.find(|supply| supply.software_release.as_str() == url).unwrap();
            let said = supply.text.unwrap_or_default();
            assert_ne!(supply.state, SupplyState::Error, "{said}");
            supply.state == SupplyState::Available
        });
    }

    /// Requests an instance, and waits until it has published and its promises are green.
    fn prove(&self) {
        self.cloud.must(&["request", "it", &self.url], 2);
        if self.url.ends_with("/hugo/software.cfg") {
            self.make_site();
        }
        self.long("it is up", |real| real.cloud.instance("it").state == "started");
        let it = self.instance();
        assert!(!it.connection.is_empty(), "it has published nothing");
        assert!(it.promises.iter().all(|promise| promise.ok), "{:?}", it.promises);
    }

    /// What hugo leaves to people: a site. It is built when its service starts.
    fn make_site(&self) {
        let partition = self.cloud.path().join("COMP-1/instance/slappart1");
        let log = self.cloud.path().join("COMP-1/var/log/slappart1/hugo-server.log");
        self.long("its service runs", |_| log.exists());
        let layouts = partition.join("srv/hugo/default/layouts");
        std::fs::create_dir(&layouts).unwrap();
        write_file(&layouts.join("index.html"), "<h1>{{ .Site.Title }}</h1>");
        self.cloud.must(&["service", "stop", "it"], 0);
        self.long("it has stopped", |real| real.cloud.instance("it").state == "stopped");
        self.cloud.must(&["service", "start", "it"], 0);
    }

    fn instance(&self) -> Instance {
        self.cloud.instance("it")
    }

    fn long(&self, what: &str, mut look: impl FnMut(&Self) -> bool) {
        let deadline = Instant::now() + LONG;
        while !look(self) {
            let it = self.cloud.find("it");
            let told =
                || format!("{:?}\n{}", it.map(|it| (it.promises, it.error)), self.cloud.logs());
            assert!(Instant::now() < deadline, "never: {what}\n{}", told());
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// What an address answers.
    fn get(&self, url: &str) -> String {
        // Certificates of releases are signed by themselves.
        let tls = ureq::tls::TlsConfig::builder().disable_verification(true).build();
        let mut answer = ureq::get(url).config().tls_config(tls).build().call().unwrap();
        answer.body_mut().read_to_string().unwrap()
    }
}

/// The LAMP stack as `lamp-template` says that it is to be used: beside it in the checkout (a copy), with an
/// application. The archive of one cannot be had; phpMyAdmin is one that Debian has.
fn with_application(checkout: &Utf8Path, directory: &Utf8Path) -> Utf8PathBuf {
    let copy = directory.join("profiles");
    let copied = Command::new("cp").args(["-r", checkout.as_str(), copy.as_str()]).status();
    assert!(copied.unwrap().success());
    let release = copy.join("software/lamp");
    std::fs::create_dir(&release).unwrap();
    let profile = "[buildout]\nextends = ../lamp-template/software.cfg\nparts += its-own-files\n\
                   [application]\nrecipe = slapos.recipe.debian\npackages = phpmyadmin\n\
                   without = dbconfig-mysql default-mysql-client\narchive-root = usr/share/phpmyadmin\n\
                   [its-own-files]\n# where Debian would find them below /\n\
                   recipe = plone.recipe.command\nstop-on-error = true\n\
                   share = ${application:location}/usr/share\ncommand =\n  \
                   echo 'include_path = .:${:share}/php' > ${:share}/phpmyadmin/.user.ini &&\n  \
                   sed -i \"s,'/etc/phpmyadmin/,ROOT_PATH . ',\" ${:share}/phpmyadmin/libraries/vendor_config.php\n";
    write_file(&release.join("software.cfg"), profile);
    release
}

/// What each release is for, looked at while it runs; whose files are compared.
mod checks {
    use super::{Real, write_file};

    /// The title of an instance, and the files where its generated passwords are.
    type Files = (&'static str, &'static [&'static str]);

    pub(super) fn html5as_base(real: &Real) -> Vec<Files> {
        let url = &real.instance().connection["server_url"];
        assert_eq!(real.get(url), "Hello World!\n");
        vec![("it", &[])]
    }

    /// Its certificate authority gives its certificate away, and the promise has probed it.
    pub(super) fn caucase(real: &Real) -> Vec<Files> {
        let it = real.instance();
        let published: serde_json::Value = serde_json::from_str(&it.connection["_"]).unwrap();
        let url = published["url"].as_str().unwrap();
        let certificate = real.get(&format!("{url}/cas/crt/ca.crt.pem"));
        assert!(certificate.starts_with("-----BEGIN CERTIFICATE-----"), "{certificate}");
        assert_eq!(it.promises.len(), 1);
        vec![("it", &[])]
    }

    /// What is put below its public folder is there for everybody, the rest only for who has the password.
    pub(super) fn dufs(real: &Real) -> Vec<Files> {
        let it = real.instance();
        let folder = real.cloud.partition(&it).join("srv/www/pub");
        write_file(&folder.join("greeting"), "hello");
        let url = &it.connection["public-url"];
        assert_eq!(real.get(&format!("{url}greeting")), "hello");
        assert!(it.connection["upload-url"].contains("://admin:"), "{:?}", it.connection);
        assert_eq!(it.promises.len(), 4, "{:?}", it.promises);
        vec![("it", &["parts/admin-password"])]
    }

    /// Each of its servers says hello, and has written that down.
    pub(super) fn helloworld(real: &Real) -> Vec<Files> {
        let it = real.instance();
        assert_eq!(it.connection["name"], "Hello John Doe!");
        for kind in ["python", "ruby", "go"] {
            assert_eq!(real.get(&it.connection[&format!("url.{kind}")]), "Hello John Doe\n");
            let log = real.cloud.partition(&it).join(format!("var/log/helloweb-{kind}.log"));
            assert!(std::fs::read_to_string(log).unwrap().contains("GET / HTTP/1.1"), "{kind}");
        }
        assert_eq!(it.promises.len(), 3, "{:?}", it.promises);
        vec![("it", &[])]
    }

    /// The site is there by both servers, and so is the monitoring with its password.
    pub(super) fn hugo(real: &Real) -> Vec<Files> {
        let it = real.instance();
        let page = real.get(&it.connection["hugo-server-url"]);
        assert!(page.contains("<h1>My New Hugo Site</h1>"), "{page}");
        assert!(it.connection["monitor-setup-url"].contains("password="), "{:?}", it.connection);
        assert_eq!(it.promises.len(), 10, "{:?}", it.promises);
        vec![("it", &["etc/.monitor_pwd"])]
    }

    /// The tree of three: root, database and web. The page is there, and its promises have looked at the database. For
    /// the files of the database the oracle would need an egg that it has not.
    pub(super) fn lamp(real: &Real) -> Vec<Files> {
        let it = real.instance();
        assert!(it.connection["mariadb-url-list"].contains("mysql://lamp:"), "{:?}", it.connection);
        let page = real.get(&it.connection["url"]);
        assert!(page.contains("pma_username"), "{page}");
        for (title, promise) in [("Mariadb", "mariadb"), ("apache-php", "lamp-http-frontend")] {
            let promises = real.cloud.instance(title).promises;
            assert!(promises.iter().all(|promise| promise.ok), "{promises:?}");
            assert!(promises.iter().any(|known| known.name == promise), "{promises:?}");
        }
        vec![("it", &["etc/.monitor_pwd", "parts/mariadb-password"]), ("apache-php", &[])]
    }

    /// It speaks as a server of SSH does.
    pub(super) fn ssh(real: &Real) -> Vec<Files> {
        let it = real.instance();
        let address = it.connection["ssh-url"].rsplit('@').next().unwrap().to_owned();
        let mut greeting = [0; 8];
        let mut stream = std::net::TcpStream::connect(address).unwrap();
        std::io::Read::read_exact(&mut stream, &mut greeting).unwrap();
        assert_eq!(&greeting, b"SSH-2.0-");
        vec![("it", &[])]
    }
}
