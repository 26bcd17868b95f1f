//! Recipes in Python: the text of `slapos.recipe.build`, and what it sees of the profile.

use crate::bench::{Bench, actions};

#[test]
fn init_computes_options_with_real_values_that_others_use() {
    let mut bench = Bench::new(
        "[buildout]\nparts = shown\n\
         [numbers]\nrecipe = slapos.recipe.build\nlist = !py![3, 1, 2]\nname = x$$y\n\
         init =\n  options['sorted'] = sorted(options['list'])\n  options['upper'] = options['name'].upper()\n\
         \x20 options['tree'] = {'a': (1, None), 'b': {2.5}}\n  del options['list']\n\
         [shown]\nrecipe = slapos.recipe.template:jinja2\noutput = ${buildout:directory}/shown\n\
         context =\n  section numbers numbers\n\
         inline =\n  {{ numbers['sorted'][0] + 1 }} {{ numbers['upper'] }} {{ numbers['tree'] }} {{ 'list' in numbers }}\n",
    );
    let first = bench.ran();
    assert_eq!(actions(&first), ["numbers installed", "shown installed"]);
    assert_eq!(bench.read("shown"), "2 X$Y {'a': (1, None), 'b': {2.5}} False");
    assert_eq!(actions(&bench.ran()), ["numbers unchanged", "shown unchanged"]);
}

#[test]
fn install_makes_its_location_and_a_change_makes_it_anew() {
    let profile = |text: &str| {
        format!(
            "[buildout]\nparts = made\n[made]\nrecipe = slapos.recipe.build\ntext = {text}\n\
             slapos_promise = file:a\n\
             install =\n  import os\n  os.mkdir(location)\n\
             \x20 with open(os.path.join(location, 'a'), 'w') as out:\n    out.write(options['text'])\n\
             update =\n  open('updated', 'a').write('x')\n"
        )
    };
    let mut bench = Bench::new(&profile("one"));
    bench.ran();
    assert_eq!(bench.read("parts/made/a"), "one");
    bench.ran();
    assert_eq!(bench.read("updated"), "x");
    bench.file("instance.cfg", &profile("two"));
    bench.ran();
    assert_eq!((bench.read("parts/made/a"), bench.read("updated")), ("two".into(), "x".into()));
    bench.file("instance.cfg", "[buildout]\nparts =\n");
    bench.ran();
    assert!(!bench.exists("parts/made"));
}

#[test]
fn python_looks_at_sections_that_need_python_themselves_and_adds_new_ones() {
    let mut bench = Bench::new(
        "[buildout]\nparts = outer\n\
         [outer]\nrecipe = slapos.recipe.build\n\
         init =\n  self.buildout.parse('[added]\\n<= macro\\nx = 2\\n')\n\
         \x20 options['x'] = self.buildout['added']['sum'] + self.buildout['inner']['y']\n\
         \x20 options['none'] = str(self.buildout.get('absent')) + str('absent' in self.buildout)\n\
         \x20 try:\n    self.buildout['absent']\n  except KeyError as e:\n    options['why'] = str(e)\n\
         install =\n  open('said', 'w').write('%(x)s %(none)s %(why)s' % options)\n\
         location =\n\
         [macro]\nsum = ${:x}1\n\
         [inner]\nrecipe = slapos.recipe.build\ninit =\n  options['y'] = 'deep'\n",
    );
    assert_eq!(actions(&bench.ran()), ["inner installed", "outer installed"]);
    assert_eq!(bench.read("said"), "21deep NoneFalse there is no section [absent]");
}

#[test]
fn python_may_look_at_the_section_that_refers_to_it() {
    let mut bench = Bench::new(
        "[buildout]\nparts = outer\n\
         [prepared]\nrecipe = slapos.recipe.build\n\
         init =\n  options['seen'] = self.buildout['outer']['file'] + str('text' in self.buildout['outer'])\n\
         [outer]\nrecipe = slapos.recipe.template\nfile = ${buildout:directory}/f\noutput = ${:file}\n\
         text = ${prepared:seen}\nagain = ${:text}\ninline = ${:again}\n",
    );
    bench.ran();
    assert_eq!(bench.read("f"), format!("{}/fFalse", bench.dir));
}

#[test]
fn a_part_in_python_waits_like_any_other() {
    let mut bench = Bench::new(
        "[buildout]\nparts = late\n\
         [db]\nrecipe = slapos.cookbook:request\nname = db\nsoftware-url = software/x\nreturn = url\n\
         [late]\nrecipe = slapos.recipe.build\n\
         init =\n  options['url'] = self.buildout['db']['connection-url'] + '/'\n",
    );
    assert_eq!(actions(&bench.ran()), ["db waiting", "late waiting"]);
}

#[test]
fn what_python_computes_of_a_secret_is_a_secret() {
    let mut bench = Bench::new(
        "[buildout]\nparts = link\n\
         [password]\nrecipe = slapos.cookbook:generate.password\nstorage-path = ${buildout:directory}/.p\n\
         [link]\nrecipe = slapos.recipe.build\npassword = ${password:passwd}\n\
         init =\n  options['url'] = 'http://me:%s@here' % options['password']\n\
         location = ${buildout:directory}/link\n\
         install =\n  open(location, 'w').write(options['url'])\n",
    );
    bench.ran();
    let link = bench.read("link");
    assert!(link.starts_with("http://me:") && link.len() > 20, "{link}");
    assert!(!bench.read(".installed.json").contains(&link[10..20]));
}

#[test]
fn faults_name_the_part_the_line_and_the_way_out() {
    let build =
        |lines: &str| format!("[buildout]\nparts = p\n[p]\nrecipe = slapos.recipe.build\n{lines}");
    let table = [
        (
            build("init =\n  import os\n  os.listdir('/absent')\n"),
            "FileNotFoundError",
            "os.listdir('/absent')",
        ),
        (build("init =\n  options['x'] = open\n"), "`x` of [p] is", "neither text nor number"),
        (
            build("init =\n  self.buildout['q']['x'] = 1\n[q]\n"),
            "[p] cannot change `x` of [q]",
            "only its own",
        ),
        (build("init =\n  options['absent']\n"), "[p] has no option `absent`", "[python]"),
        (
            build("init =\n  self.buildout['q']\n[q]\nx = ${p:y}\n"),
            "has no option `y`",
            "while using section [q]",
        ),
        (build("x = y\n"), "`init`, `install`, `update`", "[p]"),
        (
            build("slapos_promise = file:a\nlocation = l\ninstall =\n  pass\n"),
            "the promise `file:a`",
            "not kept",
        ),
        (
            build("install =\n  self.download('http://x/y')\n"),
            "http://x/y has no checksum",
            "md5sum",
        ),
        (
            "[buildout]\nparts = p\n[p]\nrecipe = nobody:knows\n".into(),
            "`nobody:knows`",
            "does not have its package",
        ),
        (
            "[buildout]\nparts = p\n[p]\nrecipe = slapos.cookbook:wraper\n".into(),
            "did you mean",
            "slapos.cookbook:wrapper",
        ),
    ];
    for (profile, what, more) in table {
        let report = Bench::new(&profile).report();
        assert!(report.contains(what) && report.contains(more), "{profile}\n{report}");
        assert!(report.contains("instance.cfg:"), "no place: {report}");
    }
}

#[test]
fn a_download_is_checked_and_unpacked() {
    let mut bench = Bench::new(
        "[buildout]\nparts = p\n[p]\nrecipe = slapos.recipe.build\nurl = ${buildout:directory}/a.tar\n\
         location = ${buildout:directory}/l\n\
         install =\n  import tarfile, io, hashlib\n\
         \x20 with tarfile.open('a.tar', 'w') as tar:\n    info = tarfile.TarInfo('d/f')\n    info.size = 5\n\
         \x20   tar.addfile(info, io.BytesIO(b'hello'))\n\
         \x20 md5 = hashlib.md5(open('a.tar', 'rb').read()).hexdigest()\n\
         \x20 self.copyTree(guessworkdir(self.extract(self.download(options['url'], md5))), location)\n\
         \x20 try:\n    self.download(options['url'], '0' * 32)\n  except Exception as e:\n    open('why', 'w').write(str(e))\n",
    );
    bench.ran();
    assert_eq!(bench.read("l/f"), "hello");
    assert!(bench.read("why").contains("wanted 000"), "{}", bench.read("why"));
    let rests = bench.list("").into_iter().filter(|name| name.starts_with(".recipe-"));
    assert_eq!(rests.collect::<Vec<_>>(), Vec::<String>::new());
}

/// Unpacks an archive whose members are given as `(type, name, link)` in Python.
fn unpacked(members: &str) -> Bench {
    Bench::new(&format!(
        "[buildout]\nparts = p\n[p]\nrecipe = slapos.recipe.build\n\
         install =\n  import tarfile\n  from tarfile import REGTYPE, SYMTYPE, LNKTYPE, CHRTYPE\n\
         \x20 with tarfile.open('a.tar', 'w') as tar:\n    for kind, name, link in [{members}]:\n\
         \x20     info = tarfile.TarInfo(name)\n      info.type, info.linkname, info.mode = kind, link, 0o755\n\
         \x20     tar.addfile(info)\n\
         \x20 self.copyTree(self.extract('a.tar'), location)\n",
    ))
}

#[test]
fn an_archive_cannot_leave_its_directory() {
    for (members, refused) in [
        ("(REGTYPE, '/tmp/x', '')", "/tmp/x"),
        ("(REGTYPE, 'a/../../x', '')", "a/../../x"),
        ("(SYMTYPE, 'a', '/etc')", "a"),
        ("(SYMTYPE, 'd/a', '../../x')", "d/a"),
        ("(LNKTYPE, 'a', '../x')", "a"),
        ("(CHRTYPE, 'null', '')", "null"),
        // What comes after a link is not where the text says.
        ("(SYMTYPE, 'd/s', '..'), (SYMTYPE, 't', 'd/s/..'), (REGTYPE, 't/PWNED', '')", "t"),
        ("(SYMTYPE, 'd/s', '..'), (SYMTYPE, 'l', 'd'), (SYMTYPE, 't', 'l/s/..')", "t"),
        ("(SYMTYPE, 't', 'd/s/..'), (SYMTYPE, 'd/s', '..')", "t"),
        ("(SYMTYPE, 's', 'd'), (REGTYPE, 's/x', '')", "s/x"),
        ("(SYMTYPE, 's', 'd'), (REGTYPE, './s', '')", "./s"),
        ("(SYMTYPE, 's', 'd'), (SYMTYPE, 's/t', '..')", "s/t"),
        ("(SYMTYPE, 's', 'd'), (LNKTYPE, 'h', 's/x')", "h"),
    ] {
        let mut bench = unpacked(members);
        let report = bench.report();
        assert!(report.contains(&format!("the archive holds `{refused}`")), "{members}: {report}");
        assert!(!bench.exists("PWNED"), "{members}");
    }
}

#[test]
fn an_archive_keeps_its_links() {
    let mut bench = unpacked(
        "(REGTYPE, './lib/a.1', ''), (SYMTYPE, './lib/a', 'a.1'), (SYMTYPE, 'lib64', 'lib'), \
         (SYMTYPE, 'bin/a', '../lib64/a'), (LNKTYPE, 'b', './lib/a.1')",
    );
    bench.ran();
    for name in ["lib/a", "lib64/a", "bin/a", "b"] {
        assert_eq!(bench.read(&format!("parts/p/{name}")), "", "{name}");
    }
}
