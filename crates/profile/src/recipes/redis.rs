//! `slapos.cookbook:redis.server`: configuration of a Redis server, a wrapper that starts it, and a promise.
//!
//! In: `config-file`, `wrapper`, `server-bin`, `pid-file`, `port`, `ipv6` (the address), `unixsocket`, `server-dir`,
//! `log-file`, `use-passwd` and `passwd` (the password of the server that this one follows), `promise-wrapper`,
//! `cli-bin`. What is not said here is Redis's own default.

use super::script::Script;
use super::{Kind, Recipe, WriteFile};
use crate::engine::{Scope, Stop, Work};
use crate::error::Result;
use crate::files::Mode;

pub(super) static KINDS: [Kind; 1] = [Kind::pure(&["slapos.cookbook:redis.server"], make)];

struct Redis(Vec<WriteFile>);

fn make(scope: &mut Scope<'_, '_>) -> Result<Box<dyn Recipe>, Stop> {
    let config = scope.required("config-file")?;
    let config = scope.path(&config);
    let (port, address) = (scope.required("port")?, scope.required("ipv6")?);
    let (port, address) = (port.trim(), address.trim());
    let socket = scope.text("unixsocket")?;
    let mut text = format!(
        "daemonize no\npidfile {}\nport {port}\nbind {address}\nlogfile {}\ndir {}\n",
        scope.required("pid-file")?,
        scope.required("log-file")?,
        scope.required("server-dir")?,
    );
    // What Redis 3, for which the recipe was made, keeps by default; later versions keep less.
    text.push_str("save 900 1\nsave 300 10\nsave 60 10000\ntcp-keepalive 0\nslave-read-only yes\n");
    if let Some(socket) = &socket {
        text.push_str(&format!("unixsocket {}\nunixsocketperm 700\n", socket.trim()));
    }
    if scope.flag("use-passwd", false)? {
        text.push_str(&format!("masterauth {}\n", scope.required("passwd")?));
    }
    let run = |path: String, script: &Script, scope: &Scope<'_, '_>| WriteFile {
        path: scope.path(&path),
        text: script.text(),
        mode: Mode::Exact(0o700),
    };
    let server = scope.required("server-bin")?;
    let wrapper = scope.required("wrapper")?;
    let mut files = vec![
        run(wrapper, &Script::of([server.trim(), config.as_str()]), scope),
        WriteFile { path: config, text, mode: Mode::Exact(0o600) },
    ];
    if let Some(promise) = scope.text("promise-wrapper")? {
        let client = scope.required("cli-bin")?;
        let mut words = vec![client.trim(), "-h", address, "-p", port];
        if let Some(socket) = &socket {
            words.extend(["-s", socket.trim()]);
        }
        words.extend(["publish", "Promise-Service", "SlapOS Promise"]);
        files.push(run(promise, &Script::of(words), scope));
    }
    Ok(Box::new(Redis(files)))
}

impl Recipe for Redis {
    fn install(&mut self, work: &mut Work<'_>) -> Result<()> {
        self.0.iter_mut().try_for_each(|file| file.install(work))
    }
}
