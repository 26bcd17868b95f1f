//! `slapos.cookbook:check_parameter`: an executable that says whether a value is as it shall be.
//!
//! In: `path`, `value`, and one of `expected-value`, `expected-not-value`, `expected-type` (`ipv4` or `ipv6`). The
//! value is known when the part is laid out, and so is the verdict.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::script::quote;
use super::{Kind, Recipe, WriteFile};
use crate::engine::{Scope, Stop};
use crate::error::{Code, Result};
use crate::files::Mode;

pub(super) static KINDS: [Kind; 1] = [Kind::pure(&["slapos.cookbook:check_parameter"], make)];

fn make(scope: &mut Scope<'_, '_>) -> Result<Box<dyn Recipe>, Stop> {
    let path = scope.required("path")?;
    let value = scope.text("value")?.unwrap_or_default();
    let red = match scope.text("expected-type")?.as_deref().map(str::trim) {
        Some("ipv4") => {
            value.parse::<Ipv4Addr>().is_err().then(|| format!("FAIL: {value} is no IPv4 address"))
        }
        Some("ipv6") => {
            value.parse::<Ipv6Addr>().is_err().then(|| format!("FAIL: {value} is no IPv6 address"))
        }
        Some(other) => {
            let message = format!("`{other}` is neither ipv4 nor ipv6");
            return Err(scope.fault("expected-type", Code::BadOption, message).into());
        }
        None => {
            let (wanted, unwanted) =
                (scope.text("expected-value")?, scope.text("expected-not-value")?);
            match (wanted, unwanted) {
                (Some(wanted), _) if value != wanted => Some(format!("FAIL: {value} != {wanted}")),
                (_, Some(unwanted)) if value == unwanted => {
                    Some(format!("FAIL: {value} == {unwanted}"))
                }
                _ => None,
            }
        }
    };
    let text = match red {
        None => "#!/bin/sh\nexit 0\n".to_owned(),
        Some(message) => format!("#!/bin/sh\necho {}\nexit 127\n", quote(&message)),
    };
    WriteFile::boxed(scope.path(&path), text, Mode::Exact(0o700))
}
