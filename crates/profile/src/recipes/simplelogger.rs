//! `slapos.cookbook:simplelogger`: a script that appends what it is told, with the time, to a log.
//!
//! In: `wrapper`, `log`.

use super::script::quote;
use super::{Kind, Recipe, WriteFile};
use crate::engine::{Scope, Stop};
use crate::error::Result;
use crate::files::Mode;

pub(super) static KINDS: [Kind; 1] = [Kind::pure(&["slapos.cookbook:simplelogger"], make)];

fn make(scope: &mut Scope<'_, '_>) -> Result<Box<dyn Recipe>, Stop> {
    let wrapper = scope.required("wrapper")?;
    let log = scope.required("log")?;
    let log = quote(scope.path(&log).as_str());
    let text = format!(
        "#!/bin/sh -e\n# Appends its standard input to a log.\ntime=$(date '+%Y-%m-%d.%H:%M.%s:')\n{{\n  \
         while IFS= read -r line || test -n \"$line\"; do\n    printf '%s %s\\n' \"$time\" \"$line\"\n  done\n  \
         printf '%s %s\\n' \"$time\" ------------------------\n}} >>{log}\n"
    );
    WriteFile::boxed(scope.path(&wrapper), text, Mode::Exact(0o700))
}
