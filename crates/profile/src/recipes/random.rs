//! `slapos.cookbook:random.integer`, `:random.time` and `:generate.mac`: drawn once, and kept.
//!
//! In: `minimum` and `maximum`, both included, or `value`; `time`; `mac-address`, `storage-path`. Out: `value`, `time`
//! (`H:MM`), `mac-address`. The first two live in the state of the part.

use camino::Utf8PathBuf;
use rand::Rng as _;
use slapos_jinja::Value;

use super::{Kind, OptionsOnly, Recipe};
use crate::engine::{Scope, Stop, Work};
use crate::error::{Code, Result};
use crate::files::{self, Keep, Mode};
use crate::value::LITERAL;

pub(super) static KINDS: [Kind; 3] = [
    Kind::new(&["slapos.cookbook:random.integer"], integer),
    Kind::new(&["slapos.cookbook:random.time"], time),
    Kind::new(&["slapos.cookbook:generate.mac"], mac),
];

fn integer(scope: &mut Scope<'_, '_>) -> Result<Box<dyn Recipe>, Stop> {
    if scope.option("value")?.is_some() {
        return Ok(Box::new(OptionsOnly));
    }
    let (minimum, maximum) = (bound(scope, "minimum")?, bound(scope, "maximum")?);
    if minimum > maximum {
        let message = format!("nothing lies between {minimum} and {maximum}");
        return Err(scope.fault("minimum", Code::BadOption, message).into());
    }
    let kept = scope.previous("value").and_then(|text| text.strip_prefix(LITERAL)?.parse().ok());
    let kept = kept.filter(|value| (minimum..=maximum).contains(value));
    let value = kept.unwrap_or_else(|| rand::rng().random_range(minimum..=maximum));
    scope.set_open("value", value);
    Ok(Box::new(OptionsOnly))
}

fn bound(scope: &mut Scope<'_, '_>, option: &str) -> Result<i64, Stop> {
    let text = scope.required(option)?;
    let bad = || scope.fault(option, Code::BadOption, format!("`{text}` is no whole number"));
    text.trim().parse().map_err(|_| bad().into())
}

fn time(scope: &mut Scope<'_, '_>) -> Result<Box<dyn Recipe>, Stop> {
    if scope.option("time")?.is_none() {
        let kept = scope.previous("time").map(ToOwned::to_owned);
        let drawn = || {
            let minutes = rand::rng().random_range(0..24 * 60);
            format!("{}:{:02}", minutes / 60, minutes % 60)
        };
        scope.set_open("time", kept.unwrap_or_else(drawn));
    }
    Ok(Box::new(OptionsOnly))
}

struct Mac {
    stored: Utf8PathBuf,
    address: String,
}

fn mac(scope: &mut Scope<'_, '_>) -> Result<Box<dyn Recipe>, Stop> {
    let stored = scope.required("storage-path")?;
    let stored = scope.path(&stored);
    let address = match scope.text("mac-address")? {
        Some(address) => address,
        None => {
            let kept = files::kept(&stored);
            let kept = kept.map_err(|error| scope.place(error, "storage-path"))?;
            kept.unwrap_or_else(|| {
                // The first octet says: of local meaning only.
                let octets: [u8; 5] = rand::rng().random();
                let octets = octets.map(|octet| format!("{octet:02x}"));
                format!("fe:{}", octets.join(":"))
            })
        }
    };
    scope.set_open("mac-address", Value::from(address.as_str()));
    Ok(Box::new(Mac { stored, address }))
}

impl Recipe for Mac {
    fn install(&mut self, work: &mut Work<'_>) -> Result<()> {
        work.write_unrecorded(&self.stored, self.address.as_bytes(), Mode::Plain, Keep::Durable)
    }
}
