//! `slapos.cookbook:cron`, a wrapper that starts dcron, and `:cron.d`, one line for it.
//!
//! In, `cron`: `binary` (the wrapper), `dcrond-binary`, `cron-entries`, `crontabs`, `cronstamps`, `catcher`,
//! `log-file`. In, `cron.d`: `cron-entries`, `name`, `command`, and `frequency` (as crontab has it) or `time` (as
//! systemd has it). Writes `<cron-entries>/<name>`.

mod calendar;

use camino::Utf8PathBuf;

use super::script::Script;
use super::{Kind, Recipe, WriteFile};
use crate::engine::{Scope, Stop};
use crate::error::{Code, Result};
use crate::files::Mode;

pub(super) static KINDS: [Kind; 2] =
    [Kind::pure(&["slapos.cookbook:cron"], daemon), Kind::pure(&["slapos.cookbook:cron.d"], entry)];

fn daemon(scope: &mut Scope<'_, '_>) -> Result<Box<dyn Recipe>, Stop> {
    let path = scope.required("binary")?;
    let mut command = vec![scope.required("dcrond-binary")?.trim().to_owned()];
    for (flag, option) in [("-s", "cron-entries"), ("-c", "crontabs"), ("-t", "cronstamps")] {
        command.extend([flag.to_owned(), scope.required(option)?]);
    }
    command.extend(["-f", "-l", "5"].map(ToOwned::to_owned));
    for (flag, option) in [("-M", "catcher"), ("-L", "log-file")] {
        command.extend([flag.to_owned(), scope.required(option)?]);
    }
    WriteFile::boxed(scope.path(&path), Script::of(command).text(), Mode::Exact(0o700))
}

fn entry(scope: &mut Scope<'_, '_>) -> Result<Box<dyn Recipe>, Stop> {
    let when = match scope.text("frequency")? {
        Some(frequency) => frequency,
        None => {
            let time = scope.required("time")?;
            calendar::to_cron(time.trim()).map_err(|reason| {
                let message = format!("`{time}` cannot be told to cron: {reason}");
                scope.fault("time", Code::BadOption, message)
            })?
        }
    };
    let folder: Utf8PathBuf = scope.required("cron-entries")?.trim().into();
    let name = scope.required("name")?;
    let path = scope.path(folder.join(name.trim()).as_str());
    let command = scope.required("command")?;
    if [&when, &command].iter().any(|text| text.contains('\n')) {
        let message = "an entry for cron is one line";
        return Err(scope.fault("command", Code::BadOption, message).into());
    }
    WriteFile::boxed(path, format!("{when} {command}\n"), Mode::Plain)
}
