//! `slapos.cookbook:uuid`: an identity, drawn once. In: `cache-file`. Out: `uuid`, 32 hexadecimal digits.

use camino::{Utf8Path, Utf8PathBuf};
use data_encoding::HEXLOWER;
use rand::Rng as _;

use super::{Kind, Recipe};
use crate::engine::{Scope, Stop, Work};
use crate::error::Result;
use crate::files::{self, Keep, Mode};

pub(super) static KINDS: [Kind; 1] = [Kind::new(&["slapos.cookbook:uuid"], make)];

struct Uuid {
    stored: Utf8PathBuf,
    uuid: String,
}

fn make(scope: &mut Scope<'_, '_>) -> Result<Box<dyn Recipe>, Stop> {
    let stored = scope.required("cache-file")?;
    let stored = scope.path(&stored);
    let uuid = read(&stored).map_err(|error| scope.place(error, "cache-file"))?;
    let uuid = uuid.unwrap_or_else(|| {
        let mut bytes: [u8; 16] = rand::rng().random();
        bytes[6] = bytes[6] & 0x0f | 0x40; // of version 4: random
        bytes[8] = bytes[8] & 0x3f | 0x80;
        HEXLOWER.encode(&bytes)
    });
    scope.set_open("uuid", uuid.as_str());
    Ok(Box::new(Uuid { stored, uuid }))
}

/// The identity that was kept.
fn read(stored: &Utf8Path) -> Result<Option<String>> {
    let Some(text) = files::kept(stored)? else {
        return Ok(None);
    };
    let uuid = text.trim().replace('-', "").to_lowercase();
    match uuid.len() == 32 && uuid.chars().all(|c| c.is_ascii_hexdigit()) {
        true => Ok(Some(uuid)),
        false => Err(files::damaged(stored, "it holds no identity of 32 hexadecimal digits")),
    }
}

impl Recipe for Uuid {
    fn install(&mut self, work: &mut Work<'_>) -> Result<()> {
        work.write_unrecorded(&self.stored, self.uuid.as_bytes(), Mode::Plain, Keep::Durable)
    }
}
