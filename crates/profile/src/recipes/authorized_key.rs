//! `slapos.cookbook:dropbear.add_authorized_key`: who may log in. In: `home`, `key` (all lines of the file).

use super::{Kind, Recipe, WriteFile};
use crate::engine::{Scope, Stop};
use crate::error::Result;
use crate::files::Mode;

pub(super) static KINDS: [Kind; 1] =
    [Kind::pure(&["slapos.cookbook:dropbear.add_authorized_key"], make)];

fn make(scope: &mut Scope<'_, '_>) -> Result<Box<dyn Recipe>, Stop> {
    let home = scope.required("home")?;
    let path = scope.path(&home).join(".ssh/authorized_keys");
    let key = scope.text("key")?.unwrap_or_default();
    WriteFile::boxed(path, key, Mode::Exact(0o600))
}
