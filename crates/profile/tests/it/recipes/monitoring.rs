//! The recipes that the monitoring stack consists of: cron, logs, certificates, links, templates.

use std::io::Write as _;
use std::process::{Command, Stdio};

use crate::bench::{Bench, actions};

fn bench(part: &str) -> Bench {
    Bench::new(&format!("[buildout]\nparts = x\n[x]\n{part}"))
}

#[test]
fn cron_is_started_and_told_what_to_do() {
    let mut bench = Bench::new(
        "[buildout]\nparts = cron line time\n\
         [cron]\nrecipe = slapos.cookbook:cron\nbinary = run/crond\ndcrond-binary = /sw/sbin/crond\ncron-entries = /p/cron.d\n\
         crontabs = /p/crontabs\ncronstamps = /p/stamps\ncatcher = /p/catch it\nlog-file = /p/log\n\
         [line]\nrecipe = slapos.cookbook:cron.d\ncron-entries = cron.d\nname = a\nfrequency = 0 1 * * *\ncommand = /bin/true && /bin/true\n\
         [time]\nrecipe = slapos.cookbook:cron.d\ncron-entries = cron.d\nname = b\ntime = mon 2:30\ncommand = x\n",
    );
    bench.ran();
    let words = "/sw/sbin/crond -s /p/cron.d -c /p/crontabs -t /p/stamps -f -l 5 -M '/p/catch it' -L /p/log \"$@\"";
    let script = bench.read("run/crond").replace(" \\\n ", "");
    assert!(
        script.starts_with("#!/bin/sh -e\n") && script.contains(&format!("exec {words}")),
        "{script}"
    );
    assert_eq!(bench.mode("run/crond"), 0o700);
    assert_eq!(bench.read("cron.d/a"), "0 1 * * * /bin/true && /bin/true\n");
    assert_eq!(bench.read("cron.d/b"), "30 2 * * 1 x\n");
    bench.file("instance.cfg", "[buildout]\nparts =\n");
    bench.ran();
    assert!(!bench.exists("cron.d/a"), "an entry goes with its part");

    let mut odd = bench_with_time("2024-1-1");
    let report = odd.report();
    assert!(
        report.contains("DIR/instance.cfg:7:") && report.contains("cron knows no years"),
        "{report}"
    );
}

fn bench_with_time(time: &str) -> Bench {
    bench(&format!(
        "recipe = slapos.cookbook:cron.d\ncron-entries = c\nname = a\ntime = {time}\ncommand = x\n"
    ))
}

#[test]
fn a_logger_appends_what_it_is_told() {
    let mut bench =
        bench("recipe = slapos.cookbook:simplelogger\nwrapper = bin/log\nlog = var/all log\n");
    bench.file("var/all log", "before\n");
    bench.ran();
    let mut logger = Command::new(bench.dir.join("bin/log")).stdin(Stdio::piped()).spawn().unwrap();
    logger.stdin.take().unwrap().write_all(b"one\n\ntwo").unwrap();
    assert!(logger.wait().unwrap().success());
    let log = bench.read("var/all log");
    let lines: Vec<_> =
        log.lines().map(|line| line.split_once(": ").map_or(line, |(_, text)| text)).collect();
    assert_eq!(lines, ["before", "one", "", "two", "------------------------"]);
}

#[test]
fn logrotate_has_its_rules() {
    let mut bench = Bench::new(
        "[buildout]\nparts = all own\n\
         [all]\nrecipe = slapos.cookbook:logrotate\nlogrotate-entries = /p/d\nconf = etc/logrotate.conf\nwrapper = bin/logrotate\n\
         logrotate-binary = /usr/sbin/logrotate\ngzip-binary = /bin/gzip\ngunzip-binary = /bin/gunzip\nstate-file = /p/state\n\
         [own]\nrecipe = slapos.cookbook:logrotate.d\nlogrotate-entries = d\nname = web\nlog = /p/a.log /p/b.log\nbackup = /p/backup\npost = kill -HUP 1\n",
    );
    bench.ran();
    assert!(bench.read("bin/logrotate").contains("exec /usr/sbin/logrotate -s /p/state"));
    assert!(bench.read("etc/logrotate.conf").ends_with("include /p/d\n"));
    assert_eq!(
        bench.read("d/web"),
        "/p/a.log /p/b.log {\ndaily\ndateext\nrotate 3650\ncompress\ndelaycompress\nnotifempty\nsharedscripts\n\
         create\nolddir /p/backup\npostrotate\nkill -HUP 1\nendscript\n}\n"
    );
}

const AUTHORITY: &str = "
[buildout]
parts = folders authority web

[folders]
recipe = slapos.cookbook:mkdirectory
ca = ${buildout:directory}/ca
private = ${:ca}/private
certs = ${:ca}/certs
new = ${:ca}/newcerts
requests = ${:ca}/requests

[paths]
ca-dir = ${folders:ca}
ca-private = ${folders:private}
ca-certs = ${folders:certs}
ca-newcerts = ${folders:new}
requests-directory = ${folders:requests}

[authority]
<= paths
recipe = slapos.cookbook:certificate_authority
openssl-binary = openssl
wrapper = ${buildout:directory}/run/authority

[web]
<= paths
recipe = slapos.cookbook:certificate_authority.request
key-file = ${buildout:directory}/web.key
cert-file = ${buildout:directory}/web.crt
executable = /bin/echo
wrapper = ${buildout:directory}/run/web
name = the web's
";

#[test]
fn a_service_that_wants_a_certificate_starts_when_it_has_one() {
    let mut bench = Bench::new(AUTHORITY);
    bench.ran();
    assert!(bench.dir.join("web.key").is_symlink() && !bench.dir.join("web.key").exists());
    let mut authority = Command::new(bench.dir.join("run/authority"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let served = Command::new(bench.dir.join("run/web")).arg("started").output().unwrap();
    authority.kill().unwrap();
    authority.wait().unwrap();
    assert_eq!(served.stdout, b"started\n");
    let verified = Command::new("openssl")
        .args(["verify", "-CAfile"])
        .args([bench.dir.join("ca/cacert.pem"), bench.dir.join("web.crt")])
        .output()
        .unwrap();
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stderr));
    let subject = Command::new("openssl")
        .args(["x509", "-noout", "-subject", "-nameopt", "RFC2253", "-in"])
        .arg(bench.dir.join("web.crt"))
        .output()
        .unwrap();
    let subject = String::from_utf8(subject.stdout).unwrap();
    assert!(subject.contains("CN=the web's") && subject.contains("C=XX"), "{subject}");
    assert_eq!(bench.mode("ca/private/cakey.pem"), 0o600);
    let again = bench.ran();
    assert!(
        actions(&again).iter().all(|action| action.ends_with("unchanged")),
        "{:?}",
        actions(&again)
    );
}

#[test]
fn a_given_certificate_is_used_when_it_fits_its_key() {
    let mut bench = Bench::new("");
    let made = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-nodes",
            "-newkey",
            "rsa:2048",
            "-subj",
            "/CN=given",
            "-keyout",
            "key",
            "-out",
            "crt",
        ])
        .current_dir(&bench.dir)
        .output()
        .unwrap();
    assert!(made.status.success());
    let [key, certificate] = ["key", "crt"].map(|name| bench.read(name).replace('\n', "\n  "));
    let given = format!("{AUTHORITY}key-content =\n  {key}\ncert-content =\n  {certificate}\n");
    bench.file("instance.cfg", &given);
    bench.ran();
    assert_eq!(bench.read("web.key").trim(), bench.read("key").trim());
    assert!(!bench.exists("run/web"), "nothing is waited for");
    let other = Command::new("openssl").args(["genrsa", "2048"]).output().unwrap();
    let other = String::from_utf8(other.stdout).unwrap().replace('\n', "\n  ");
    bench.file("instance.cfg", &given.replace(&key, &other));
    let report = bench.report();
    assert!(
        report.contains("the certificate is not made for the key") && !report.contains("PRIVATE"),
        "{report}"
    );
}

#[test]
fn links_are_made_where_nothing_is() {
    let mut bench = bench(
        "recipe = cns.recipe.symlink\nsymlink =\n  one = public/link\n  missing = public/no\n  two = public/taken\n",
    );
    for name in ["one/f", "two/f", "public/taken/own"] {
        bench.file(name, "");
    }
    bench.ran();
    assert_eq!(bench.list("public"), ["link", "taken"]);
    assert_eq!(bench.dir.join("public/link").read_link_utf8().unwrap(), bench.dir.join("one"));
    bench.file("instance.cfg", "[buildout]\nparts =\n");
    bench.ran();
    assert_eq!(bench.list("public"), ["taken"], "what was there before stays");
    assert!(bench.exists("public/taken/own"));
}

#[test]
fn a_collective_template_fills_references_and_own_options() {
    let mut bench = bench(
        "recipe = collective.recipe.template\ninput = inline:#!/bin/sh\n  echo $${name} ${y:z} $$HOME\nname = N\noutput = a/b\nmode = 0755\n[y]\nz = Z\n",
    );
    bench.ran();
    assert_eq!(bench.read("a/b"), "#!/bin/sh\necho N Z $HOME");
    assert_eq!(bench.mode("a/b"), 0o755);

    let once = "[buildout]\nparts = x\n[x]\nrecipe = collective.recipe.template\ninput = in\noutput = out\noverwrite = false\n";
    bench.file("in", "first");
    bench.file("instance.cfg", once);
    bench.ran();
    bench.file("out", "by hand");
    bench.file("in", "second");
    bench.ran();
    assert_eq!(bench.read("out"), "by hand");
    bench.file("instance.cfg", "[buildout]\nparts = x\n[x]\nrecipe = collective.recipe.template\ninput = none\noutput = out\n");
    assert!(bench.report().contains("cannot read DIR/none"));
}

#[test]
fn checks_are_programs_that_give_their_verdict() {
    let mut bench = Bench::new(
        "[buildout]\nparts = a b c d e f\n[v]\nrecipe = slapos.cookbook:check_parameter\npath = check/${:_buildout_section_name_}\n\
         [a]\n<= v\nvalue = 1\nexpected-value = 1\n[b]\n<= v\nvalue = it's\nexpected-value = 1\n\
         [c]\n<= v\nvalue = x\nexpected-not-value = x\n[d]\n<= v\nvalue = ::1\nexpected-type = ipv6\n\
         [e]\n<= v\nvalue = ::1\nexpected-type = ipv4\n[f]\n<= v\nvalue =\nexpected-value = 1\n",
    );
    bench.ran();
    let table = [
        ("a", 0, ""),
        ("b", 127, "FAIL: it's != 1\n"),
        ("c", 127, "FAIL: x == x\n"),
        ("d", 0, ""),
        ("e", 127, "FAIL: ::1 is no IPv4 address\n"),
        ("f", 127, "FAIL:  != 1\n"),
    ];
    for (name, code, said) in table {
        let ended = Command::new(bench.dir.join("check").join(name)).output().unwrap();
        assert_eq!(ended.status.code(), Some(code), "{name}");
        assert_eq!(String::from_utf8_lossy(&ended.stdout), said, "{name}");
    }
}

#[test]
fn a_url_is_available_when_it_answers_as_it_shall() {
    let mut bench = bench(
        "recipe = slapos.cookbook:check_url_available\npath = check\nurl = http://h/?a=1&b=2\ndash_path = /bin/sh\ncurl_path = ${buildout:directory}/curl\n",
    );
    let options = bench.read("instance.cfg");
    // In the place of curl: says the code of the file `code`, and what it was called with.
    bench.file(
        "curl",
        "#!/bin/sh\necho \"$@\" > \"$(dirname \"$0\")/called\"\ncat \"$(dirname \"$0\")/code\"\n",
    );
    let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(bench.dir.join("curl"), executable).unwrap();
    let table = [
        ("", "200", 0),
        ("", "404", 2),
        ("", "000", 1),
        ("", "", 1),
        ("http_code = 302\n", "302", 0),
        ("", "401", 2),
        ("check-secure = 1\n", "401", 0),
    ];
    for (more, code, expected) in table {
        bench.file("instance.cfg", &format!("{options}{more}"));
        bench.file("code", code);
        bench.ran();
        let ended = Command::new(bench.dir.join("check")).output().unwrap();
        assert_eq!(ended.status.code(), Some(expected), "{more}{code}");
        assert!(bench.read("called").contains("http://h/?a=1&b=2 -w %{http_code} --max-time 20"));
    }
    bench.file("etc/promise_timeout", "7\n");
    assert_eq!(Command::new(bench.dir.join("check")).output().unwrap().status.code(), Some(0));
    let called = bench.read("called");
    assert!(called.contains("--max-time 7"), "curl itself gives up in time: {called}");
}
