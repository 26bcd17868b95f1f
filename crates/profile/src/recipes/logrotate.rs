//! `slapos.cookbook:logrotate`, a wrapper that starts logrotate with its configuration, and `:logrotate.d`, the
//! rules for some logs.
//!
//! In, `logrotate`: `logrotate-entries`, `conf`, `wrapper`, `logrotate-binary`, `gzip-binary`, `gunzip-binary`,
//! `state-file`. In, `logrotate.d`: `logrotate-entries`, `name`, `log`, `backup`, `pre`, `post` (shell commands).

use camino::{Utf8Path, Utf8PathBuf};

use super::script::Script;
use super::{Kind, Recipe, WriteFile};
use crate::engine::{Scope, Stop, Work};
use crate::error::Result;
use crate::files::Mode;

pub(super) static KINDS: [Kind; 2] = [
    Kind::pure(&["slapos.cookbook:logrotate"], program),
    Kind::pure(&["slapos.cookbook:logrotate.d"], rules),
];

/// What holds for the logs of all parts: a day each, ten years, compressed from the second day on.
const RULES: &str =
    "daily\ndateext\nrotate 3650\ncompress\ndelaycompress\nnotifempty\nsharedscripts\ncreate\n";

struct Program {
    conf: WriteFile,
    wrapper: WriteFile,
}

fn program(scope: &mut Scope<'_, '_>) -> Result<Box<dyn Recipe>, Stop> {
    let conf = scope.required("conf")?;
    let conf = scope.path(&conf);
    let text = format!(
        "compresscmd {}\ncompressoptions -9\nuncompresscmd {}\ninclude {}\n",
        scope.required("gzip-binary")?,
        scope.required("gunzip-binary")?,
        scope.required("logrotate-entries")?,
    );
    let command = [
        scope.required("logrotate-binary")?,
        "-s".to_owned(),
        scope.required("state-file")?,
        conf.to_string(),
    ];
    let wrapper = scope.required("wrapper")?;
    Ok(Box::new(Program {
        conf: WriteFile { path: conf, text, mode: Mode::Exact(0o600) },
        wrapper: WriteFile {
            path: scope.path(&wrapper),
            text: Script::of(command).text(),
            mode: Mode::Exact(0o700),
        },
    }))
}

impl Recipe for Program {
    fn install(&mut self, work: &mut Work<'_>) -> Result<()> {
        self.conf.install(work)?;
        self.wrapper.install(work)
    }
}

fn rules(scope: &mut Scope<'_, '_>) -> Result<Box<dyn Recipe>, Stop> {
    let folder: Utf8PathBuf = scope.required("logrotate-entries")?.trim().into();
    let name = scope.required("name")?;
    let path = scope.path(folder.join(Utf8Path::new(name.trim())).as_str());
    let mut text =
        format!("{} {{\n{RULES}olddir {}\n", scope.required("log")?, scope.required("backup")?);
    for (option, word) in [("post", "postrotate"), ("pre", "prerotate")] {
        if let Some(command) = scope.text(option)? {
            text.push_str(&format!("{word}\n{command}\nendscript\n"));
        }
    }
    text.push_str("}\n");
    WriteFile::boxed(path, text, Mode::Exact(0o600)) // logrotate refuses rules that others may write
}
