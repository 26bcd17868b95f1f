//! `slapos.cookbook:uuid`: an identity, drawn once. In: `cache-file`. Out: `uuid`, 32 hexadecimal digits.

use camino::Utf8PathBuf;
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
    let known = files::text_of(&stored);
    let known = known.map(|text| text.trim().replace('-', "").to_lowercase());
    let good = |text: &String| text.len() == 32 && text.chars().all(|c| c.is_ascii_hexdigit());
    let uuid = known.filter(good).unwrap_or_else(|| {
        let mut bytes: [u8; 16] = rand::rng().random();
        bytes[6] = bytes[6] & 0x0f | 0x40; // of version 4: random
        bytes[8] = bytes[8] & 0x3f | 0x80;
        HEXLOWER.encode(&bytes)
    });
    scope.set("uuid", uuid.as_str());
    Ok(Box::new(Uuid { stored, uuid }))
}

impl Recipe for Uuid {
    fn install(&mut self, work: &mut Work<'_>) -> Result<()> {
        work.write_unrecorded(&self.stored, self.uuid.as_bytes(), Mode::Plain, Keep::Durable)
    }
}
