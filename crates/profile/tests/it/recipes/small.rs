//! The recipes that do one small thing: parts of a URL, files of options, random values, copies, scripts.

use std::process::Command;

use crate::bench::{Bench, actions};

/// A bench whose part `x` is published as far as `names` say.
fn publishing(part: &str, names: &[&str]) -> Bench {
    let lines: String = names.iter().map(|name| format!("{name} = ${{x:{name}}}\n")).collect();
    Bench::new(&format!(
        "[buildout]\nparts = x publish\n[x]\n{part}[publish]\nrecipe = slapos.cookbook:publish\n{lines}"
    ))
}

fn published(bench: &mut Bench, name: &str) -> String {
    bench.ran().connection.unwrap()[name].clone()
}

#[test]
fn a_url_falls_into_its_parts() {
    let names =
        ["scheme", "username", "password", "host", "port", "path", "params", "query", "fragment"];
    let table = [
        (
            "mysql://me:p%40ss@[::1]:3306/db",
            ["mysql", "me", "p%40ss", "::1", "3306", "db", "", "", ""],
        ),
        ("http://Host/a/b/;x?q=1#f", ["http", "", "", "host", "", "a/b", "x", "q=1", "f"]),
        ("/just/path", ["", "", "", "", "", "just/path", "", "", ""]),
    ];
    for (url, expected) in table {
        let mut bench =
            publishing(&format!("recipe = slapos.cookbook:urlparse\nurl = {url}\n"), &names);
        let found = bench.ran().connection.unwrap();
        assert_eq!(names.map(|name| found[name].as_str()), expected, "{url}");
        assert!(!bench.read(".installed.json").contains("p%40ss\""), "a password is a secret");
    }
    let mut bench =
        publishing("recipe = slapos.cookbook:urlparse\nurl = http://h:port/\n", &["host"]);
    assert!(bench.report().contains("Port could not be cast"), "{}", bench.report());
}

#[test]
fn options_live_in_a_file_that_people_may_edit() {
    let mut bench = publishing(
        "recipe = slapos.cookbook:zero-knowledge.read\nfilename = my.cfg\ntoken = none yet\n",
        &["token"],
    );
    assert_eq!(published(&mut bench, "token"), "none yet");
    bench.file("my.cfg", "[any]\nToken = s3cret = 1\nother = 2\n");
    assert_eq!(published(&mut bench, "token"), "s3cret = 1");
    assert!(!bench.read(".installed.json").contains("s3cret"));

    let mut bench = Bench::new(
        "[buildout]\nparts = public\n[public]\nrecipe = slapos.cookbook:zero-knowledge.write\nfilename = my.cfg\nsize = 1\ncolour = red\n",
    );
    bench.ran();
    assert_eq!(bench.read("my.cfg").trim(), "[public]\ncolour = red\nsize = 1");
    bench.file("my.cfg", "[public]\nsize = 7\n");
    bench.ran();
    assert_eq!(
        bench.read("my.cfg").trim(),
        "[public]\nsize = 7\ncolour = red",
        "edited values stay"
    );
    bench.file("instance.cfg", "[buildout]\nparts =\n");
    bench.ran();
    assert!(bench.exists("my.cfg"));
}

#[test]
fn the_first_line_of_a_file_is_an_option() {
    let mut bench =
        publishing("recipe = slapos.cookbook:readline\nstorage-path = key.pub\n", &["readline"]);
    assert!(bench.report().contains("key.pub is not there to be read"), "{}", bench.report());
    bench.file("key.pub", "ssh-rsa AAAA\nmore\n");
    assert_eq!(published(&mut bench, "readline"), "ssh-rsa AAAA\n");
    let mut bench = publishing(
        "recipe = slapos.cookbook:readline\nstorage-path = none\nwhen-absent = so\n",
        &["readline"],
    );
    assert_eq!(published(&mut bench, "readline"), "so");
}

#[test]
fn what_is_random_is_drawn_once() {
    let table = [
        ("random.integer\nminimum = 5\nmaximum = 1000000", "value"),
        ("random.time", "time"),
        ("generate.mac\nstorage-path = mac", "mac-address"),
        ("uuid\ncache-file = uuid", "uuid"),
    ];
    for (recipe, name) in table {
        let mut bench = publishing(&format!("recipe = slapos.cookbook:{recipe}\n"), &[name]);
        let first = published(&mut bench, name);
        let second = bench.ran();
        assert_eq!(second.connection.clone().unwrap()[name], first, "{recipe}");
        assert!(actions(&second).iter().all(|action| action.ends_with("unchanged")), "{recipe}");
        match name {
            "value" => assert!((5..=1_000_000).contains(&first.parse::<i64>().unwrap()), "{first}"),
            "time" => assert!(
                first.split_once(':').is_some_and(|(_, minute)| minute.len() == 2),
                "{first}"
            ),
            "uuid" => assert_eq!(first.len(), 32),
            _ => assert!(first.starts_with("fe:") && first.len() == 17, "{first}"),
        }
    }
    let mut given = publishing("recipe = slapos.cookbook:random.time\ntime = 3:04\n", &["time"]);
    assert_eq!(published(&mut given, "time"), "3:04");
    let mut none = publishing(
        "recipe = slapos.cookbook:random.integer\nminimum = 2\nmaximum = 1\n",
        &["value"],
    );
    assert!(none.report().contains("nothing lies between 2 and 1"));
}

#[test]
fn files_are_copied_and_dumped() {
    let mut bench = Bench::new(
        "[buildout]\nparts = c j k\n[c]\nrecipe = slapos.cookbook:copyfilelist\ntarget-directory = to\nfile-list = a b/c\n\
         [j]\nrecipe = slapos.cookbook:jsondump\njson-output = out.json\nsize = !py!3\nname = n\n\
         [k]\nrecipe = slapos.cookbook:dropbear.add_authorized_key\nhome = home\nkey = ssh-rsa A\n",
    );
    bench.file("a", "one");
    bench.file("b/c", "two");
    bench.ran();
    assert_eq!((bench.read("to/a"), bench.read("to/c")), ("one".into(), "two".into()));
    let json: serde_json::Value = serde_json::from_str(&bench.read("out.json")).unwrap();
    assert_eq!(json, serde_json::json!({"name": "n", "size": 3}));
    assert_eq!(bench.read("home/.ssh/authorized_keys"), "ssh-rsa A");
}

#[test]
fn scripts_start_what_they_shall() {
    let mut bench = Bench::new(
        "[buildout]\nparts = six four shell redis\n\
         [t]\nrunner-path = bin/${:_buildout_section_name_}\nshell-path = /bin/sh\n6tunnel-path = /bin/echo\nipv4 = 10.0.0.1\nipv4-port = 4\nipv6 = ::1\nipv6-port = 6\n\
         [six]\n<= t\nrecipe = slapos.cookbook:ipv6toipv4\n[four]\n<= t\nrecipe = slapos.cookbook:ipv4toipv6\n\
         [shell]\nrecipe = slapos.cookbook:shell\nwrapper = bin/shell\nshell = /bin/sh\nhome = /h\npath =\n  /a\n  /b\nps1 = \"\\\\w $ \"\n\
         [redis]\nrecipe = slapos.cookbook:redis.server\nconfig-file = etc/redis.conf\nwrapper = bin/redis\nserver-bin = /bin/echo\npid-file = /r/pid\nport = 6379\n\
         ipv6 = ::1\nserver-dir = /r\nlog-file = /r/log\nunixsocket = /r/sock\nuse-passwd = true\npasswd = word\npromise-wrapper = bin/promise\ncli-bin = /bin/echo\n",
    );
    bench.ran();
    let output = |name: &str, arguments: &[&str]| {
        let ended =
            Command::new(bench.dir.join("bin").join(name)).args(arguments).output().unwrap();
        String::from_utf8(ended.stdout).unwrap()
    };
    assert_eq!(output("six", &[]), "-6 -4 -d -l ::1 6 10.0.0.1 4\n");
    assert_eq!(output("four", &[]), "-d -l 10.0.0.1 4 ::1 6\n");
    assert_eq!(
        output("shell", &["-c", "echo $HOME $PATH \"$PS1\" $SHELL"]),
        "/h /a:/b \\w $  /bin/sh\n"
    );
    assert_eq!(output("redis", &[]), format!("{}\n", bench.dir.join("etc/redis.conf")));
    assert_eq!(
        output("promise", &[]),
        "-h ::1 -p 6379 -s /r/sock publish Promise-Service SlapOS Promise\n"
    );
    let conf = bench.read("etc/redis.conf");
    for line in ["port 6379", "bind ::1", "unixsocket /r/sock", "masterauth word", "dir /r"] {
        assert!(conf.lines().any(|known| known == line), "{conf}");
    }
    assert_eq!(bench.mode("etc/redis.conf"), 0o600);
}

#[test]
fn a_url_is_published() {
    let table = [
        ("url = http://x/\n", "http://x/"),
        (
            "scheme = http\nhost = ::1\nport = 80\npath = /a\nusername = me\npassword = a/b\n",
            "http://me:a%2Fb@[::1]:80/a",
        ),
        ("scheme = ftp\nhost = h\nquery = a=1\nfragment = f\n", "ftp://h?a=1#f"),
    ];
    for (options, expected) in table {
        let mut bench = Bench::new(&format!(
            "[buildout]\nparts = x\n[x]\nrecipe = slapos.cookbook:publishurl\n{options}"
        ));
        assert_eq!(published(&mut bench, "url"), expected);
    }
}
