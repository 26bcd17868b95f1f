//! `slapos.cookbook:ipv6toipv4` and `:ipv4toipv6`: a script that starts 6tunnel.
//!
//! In: `runner-path`, `shell-path`, `6tunnel-path`, `ipv4`, `ipv4-port`, `ipv6`, `ipv6-port`. What connects to the
//! first named family is led to the second.

use super::script::quote;
use super::{Kind, Recipe, WriteFile};
use crate::engine::{Scope, Stop};
use crate::error::Result;
use crate::files::Mode;

pub(super) static KINDS: [Kind; 2] = [
    Kind::pure(&["slapos.cookbook:ipv6toipv4"], |scope| make(scope, "-6 -4 ", ["ipv6", "ipv4"])),
    Kind::pure(&["slapos.cookbook:ipv4toipv6"], |scope| make(scope, "", ["ipv4", "ipv6"])),
];

fn make(
    scope: &mut Scope<'_, '_>,
    flags: &str,
    families: [&str; 2],
) -> Result<Box<dyn Recipe>, Stop> {
    let path = scope.required("runner-path")?;
    let shell = scope.required("shell-path")?;
    let program = scope.required("6tunnel-path")?;
    let mut text = format!("#!{}\nexec {} {flags}-d -l", shell.trim(), quote(program.trim()));
    for family in families {
        for option in [family.to_owned(), format!("{family}-port")] {
            // An empty one makes 6tunnel tell how it is called, as it does for SlapOS.
            let word = scope.text(&option)?.unwrap_or_default();
            text.push_str(&format!(" {}", quote(word.trim())));
        }
    }
    text.push('\n');
    WriteFile::boxed(scope.path(&path), text, Mode::Exact(0o700))
}
