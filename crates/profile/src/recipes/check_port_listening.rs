//! `slapos.cookbook:check_port_listening`: an executable that succeeds when a TCP connection works.
//!
//! In: `path`, `hostname`, `port`.

use camino::Utf8PathBuf;

use super::script::quote;
use super::{Kind, Recipe};
use crate::engine::{Scope, Stop, Work};
use crate::error::Result;
use crate::files::Mode;

pub(super) static KINDS: [Kind; 1] = [Kind::pure(&["slapos.cookbook:check_port_listening"], make)];

struct Check {
    path: Utf8PathBuf,
    host: String,
    port: String,
}

fn make(scope: &mut Scope<'_, '_>) -> Result<Box<dyn Recipe>, Stop> {
    let path = scope.required("path")?;
    let path = scope.path(&path);
    scope.set_open("path", path.as_str());
    Ok(Box::new(Check { path, host: scope.required("hostname")?, port: scope.required("port")? }))
}

impl Recipe for Check {
    fn install(&mut self, work: &mut Work<'_>) -> Result<()> {
        let target = quote(&format!("/dev/tcp/{}/{}", self.host.trim(), self.port.trim()));
        let text = format!(
            "#!/bin/bash\n# Succeeds when something listens there.\n(exec 3<>{target}) || exit 127\n"
        );
        work.write(&self.path, text.as_bytes(), Mode::Exact(0o700))
    }
}
