//! Recipes that know the instance: slapconfiguration, switch-softwaretype, publish, generate.password, free_port.

use std::collections::BTreeMap;

use crate::bench::{Bench, actions, changed};

const CONFIGURATION: &str = "[slap-configuration]\nrecipe = slapos.cookbook:slapconfiguration\n";

fn map(entries: &[(&str, &str)]) -> BTreeMap<String, String> {
    entries.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
}

#[test]
fn parameters_override_defaults() {
    let profile = format!(
        "[buildout]\nparts = publish\n{CONFIGURATION}configuration.name = world\nconfiguration.size = 1\n\
         [publish]\nrecipe = slapos.cookbook:publish\nname = ${{slap-configuration:configuration.name}}\n\
         size = ${{slap-configuration:configuration.size}}\nip = ${{slap-configuration:ipv4-random}}\n\
         all = ${{slap-configuration:configuration}}\nset = ${{slap-configuration:ipv4}}\ntype = ${{slap-configuration:slap-software-type}}\n"
    );
    let mut bench = Bench::new(&profile);
    bench.facts.parameters = map(&[("name", "Ana $ {x}")]);
    bench.facts.ipv4 = vec!["127.0.0.9".into(), "127.0.0.2".into()];
    let seen = bench.ran().connection.unwrap();
    assert_eq!(
        seen,
        map(&[
            ("name", "Ana $ {x}"),
            ("size", "1"),
            ("ip", "127.0.0.2"),
            ("all", "{'name': 'Ana $ {x}'}"),
            ("set", seen["set"].as_str()),
            ("type", "default"),
        ])
    );
    assert!(seen["set"].starts_with('{') && seen["set"].contains("127.0.0.9"), "{}", seen["set"]);
}

#[test]
fn serialised_parameters_keep_their_types() {
    let profile = "[buildout]\nparts = publish\n[slap-configuration]\nrecipe = slapos.cookbook:slapconfiguration.serialised\n\
         [publish]\nrecipe = slapos.cookbook:publish.serialised\nlist = ${slap-configuration:configuration.list}\n";
    let mut bench = Bench::new(profile);
    bench.facts.parameters = map(&[("_", "{\"list\": [1, null, \"x\"]}")]);
    assert_eq!(bench.ran().connection.unwrap()["_"], "{\"list\": [1, null, \"x\"]}");
    bench.facts.parameters = map(&[("list", "plain")]);
    assert_eq!(bench.ran().connection.unwrap()["_"], "{\"list\": \"plain\"}");
    bench.facts.parameters = map(&[("_", "{")]);
    assert!(bench.report().contains("`_` does not hold JSON"));
}

/// An instance profile that goes on with `small.cfg` or `big.cfg`.
fn switching() -> Bench {
    let bench = Bench::new(&format!(
        "[buildout]\nparts = switch\n{CONFIGURATION}[switch]\nrecipe = slapos.cookbook:switch-softwaretype\ndefault = small:output\nbig = big:output\n\
         [small]\nrecipe = slapos.recipe.template\nurl = small.in\noutput = small.cfg\n\
         [big]\nrecipe = slapos.recipe.template\nurl = missing.in\noutput = big.cfg\n"
    ));
    bench.file(
        "small.in",
        "[buildout]\nparts = file publish\n[file]\nrecipe = slapos.recipe.template\ninline = x\noutput = file\n\
         [publish]\nrecipe = slapos.cookbook:publish\nurl = $${slap-configuration:configuration.name}\nlist = $${slap-configuration:configuration}\nmaster = $${slap-connection:server-url}\n",
    );
    bench
}

#[test]
fn the_type_chooses_the_profile() {
    let mut bench = switching();
    bench.facts.parameters = map(&[("name", "Ana")]);
    for software_type in ["default", "RootSoftwareInstance"] {
        bench.facts.software_type = software_type.into();
        let outcome = bench.ran();
        let connection = outcome.connection.clone().unwrap();
        assert_eq!(
            connection,
            map(&[("url", "Ana"), ("list", "{'name': 'Ana'}"), ("master", "http://master/")])
        );
        assert!(
            outcome.parts.iter().any(|part| part.name == "switch/file"),
            "{:?}",
            actions(&outcome)
        );
    }
    assert!(bench.exists("file") && bench.exists(".installed-switch.json"));
    let again = bench.ran();
    assert_eq!(changed(&bench, &again), [] as [&str; 0]);
    bench.facts.software_type = "bigg".into();
    let report = bench.report();
    assert!(
        report.contains("this release has no type `bigg`")
            && report.ends_with("hint: did you mean `big`?"),
        "{report}"
    );
}

#[test]
fn an_override_extends_the_profile_of_the_type() {
    let mut bench = switching();
    let profile = bench.read("instance.cfg").replace(
        "recipe = slapos.cookbook:switch-softwaretype\n",
        "recipe = slapos.cookbook:switch-softwaretype\noverride = !py!{'default': 'more.cfg'}\n",
    );
    bench.file("instance.cfg", &profile);
    bench.file("more.cfg", "[publish]\nmore = yes\nurl += 2\n");
    bench.facts.parameters = map(&[("name", "Ana")]);
    let connection = bench.ran().connection.unwrap();
    assert_eq!((connection["more"].as_str(), connection["url"].as_str()), ("yes", "Ana\n2"));
    assert_eq!(connection["master"], "http://master/");
    bench.file("more.cfg", "[publish\n");
    assert!(bench.report().starts_with("DIR/more.cfg:1:"), "{}", bench.report());
    bench.facts.software_type = "override".into();
    assert!(bench.report().contains("no type `override`"), "{}", bench.report());
    bench.file("instance.cfg", &profile.replace("!py!{'default': 'more.cfg'}", "more.cfg"));
    bench.facts.software_type = "default".into();
    assert!(bench.report().contains("must be a dictionary"), "{}", bench.report());
}

#[test]
fn a_type_that_nothing_looks_at_is_refused() {
    // the option of the only part, whether the type `other` is one of this profile
    let table = [
        ("x = ${slap-configuration:instance-title}", false),
        ("x = ${slap-configuration:slap-software-type}", true),
        ("context = section mine slap-configuration", true),
    ];
    for (option, known) in table {
        let text = format!(
            "[buildout]\nparts = a\n{CONFIGURATION}[a]\nrecipe = slapos.recipe.template:jinja2\n\
             inline = x\noutput = ${{buildout:directory}}/a\n{option}\n"
        );
        let mut bench = Bench::new(&text);
        bench.ran();
        bench.facts.software_type = "other".into();
        if known {
            bench.ran();
        } else {
            let report = bench.report();
            assert!(report.contains("no type `other`") && report.contains("`default`"), "{report}");
        }
    }
}

#[test]
fn faults_of_the_chosen_profile_have_their_own_place() {
    let mut bench = switching();
    bench.file("small.in", "[buildout]\nparts = a\n[a]\nx = $${b:c}\n");
    assert!(
        bench.report().starts_with("DIR/small.cfg:4:5: there is no section [b]"),
        "{}",
        bench.report()
    );
}

#[test]
fn publish_takes_what_it_is_told() {
    let table = [
        ("a = 1\n-b = 2\n", map(&[("a", "1")])),
        ("a = 1\nb = 2\n-publish = b\n", map(&[("b", "2")])),
        ("a = 1\n-extends = more\n", map(&[("a", "1"), ("c", "3"), ("d", "4")])),
    ];
    for (options, expected) in table {
        let profile = format!(
            "[buildout]\nparts = p\n[p]\nrecipe = slapos.cookbook:publish\n{options}[more]\na = other\nc = 3\n-extends = most\n[most]\nd = 4\n"
        );
        assert_eq!(Bench::new(&profile).ran().connection, Some(expected), "{options}");
    }
    assert_eq!(Bench::new("[buildout]\nparts =\n").ran().connection, None);
}

#[test]
fn a_password_is_made_once_and_stays_secret() {
    let profile = "[buildout]\nparts = publish\n[p]\nrecipe = slapos.cookbook:generate.password\nbytes = 20\nstorage-path = etc/.password\n\
         [account]\npassword = x-${p:passwd}\n[publish]\nrecipe = slapos.cookbook:publish\npassword = ${account:password}\n";
    let mut bench = Bench::new(profile);
    let first = bench.ran().connection.unwrap();
    assert_eq!(first["password"].len(), 22);
    assert_eq!(bench.mode("etc/.password"), 0o600);
    let again = bench.ran();
    assert_eq!(again.connection.clone().unwrap(), first);
    assert_eq!(changed(&bench, &again), [] as [&str; 0]);
    assert!(!bench.read(".installed.json").contains(&first["password"][2..]));
    bench.file("instance.cfg", "[buildout]\nparts =\n");
    bench.ran();
    assert!(bench.exists("etc/.password"), "it outlives its part");
    bench.file("etc/.password", "from-old-times");
    bench.file("instance.cfg", profile);
    assert_eq!(bench.ran().connection.unwrap()["password"], "x-from-old-times");
    bench.file("instance.cfg", &profile.replace("bytes = 20", "passwd = mine"));
    assert_eq!(bench.ran().connection.unwrap()["password"], "x-mine");
}

#[test]
fn a_free_port_is_found_and_kept() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let profile = format!(
        "[buildout]\nparts = publish\n[p]\nrecipe = slapos.cookbook:free_port\nip = 127.0.0.1\nminimum = {port}\n[publish]\nrecipe = slapos.cookbook:publish\nport = ${{p:port}}\n"
    );
    let mut bench = Bench::new(&profile);
    let first = bench.ran().connection.unwrap()["port"].clone();
    let number: u16 = first.parse().unwrap();
    assert!(number == 0 || number > port, "{number} {port}");
    drop(taken);
    if number != 0 {
        assert_eq!(bench.ran().connection.unwrap()["port"], first);
    }
}

#[test]
fn a_port_is_kept_however_its_address_is_written() {
    let profile = "[buildout]\nparts = p\n[p]\nrecipe = slapos.cookbook:free_port\nip = 0:0:0:0:0:0:0:1\nminimum = 20000\n";
    let mut bench = Bench::new(profile);
    bench.ran();
    let state = bench.read(".installed.json");
    let known: serde_json::Value = serde_json::from_str(&state).unwrap();
    let port = known["parts"][0]["options"]["port"].as_str();
    let port = port.unwrap_or_else(|| panic!("{state}")).to_owned();
    let _taken = std::net::TcpListener::bind(format!("[::1]:{port}")).unwrap();
    bench.file("instance.cfg", &profile.replace("20000", "20001"));
    bench.ran();
    assert!(bench.read(".installed.json").contains(&format!("\"{port}\"")), "{port} is lost");
}

#[test]
fn the_user_is_known() {
    let profile = "[buildout]\nparts = publish\n[u]\nrecipe = slapos.cookbook:userinfo\n[publish]\nrecipe = slapos.cookbook:publish\nuid = ${u:pw-uid}\n";
    let own = std::process::Command::new("id").arg("-u").output().unwrap();
    assert_eq!(
        Bench::new(profile).ran().connection.unwrap()["uid"],
        String::from_utf8_lossy(&own.stdout).trim()
    );
}

#[test]
fn packages_belong_into_a_release() {
    let report =
        Bench::new("[buildout]\nparts = x\n[x]\nrecipe = slapos.recipe.debian\npackages = hello\n")
            .report();
    assert!(report.contains("packages can only be installed by a release"), "{report}");
}
