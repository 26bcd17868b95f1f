//! Any recipe that would build software, for a part that a table of `software/supply/` answers. The options of the
//! part are not looked at. Out: `location`, `prefix`, and what the table says.

use slapos_debian::Request;

use super::{Kind, Recipe, debian};
use crate::engine::{Scope, Stop};
use crate::error::{Code, Result};
use crate::supply::{self, Source, Supplied};

/// What takes the place of every recipe that builds software.
pub(super) static SUPPLIED: Kind = Kind::new(&[], make);

fn make(scope: &mut Scope<'_, '_>) -> Result<Box<dyn Recipe>, Stop> {
    let name = scope.name().to_owned();
    let Some(Supplied { source, location, options }) = supply::find(&name) else {
        let message = format!("nothing takes the place of [{name}]");
        return Err(scope.fault("recipe", Code::Unsupported, message).into());
    };
    let (packages, without) = match source {
        Source::Debian { packages, without } => (packages, without),
        Source::Elsewhere { source, names } => {
            let names = names.join(", ");
            let message =
                format!("[{name}] is {names} of {source}, from where nothing can be installed yet");
            return Err(scope.fault("recipe", Code::Unsupported, message).into());
        }
    };
    let parts = scope.reference("buildout:parts-directory")?;
    let tree = scope.path(parts.as_str().unwrap_or_default()).join(&name);
    let place = if location.is_empty() { tree.clone() } else { tree.join(location) };
    for option in ["location", "prefix"] {
        scope.set(option, place.as_str());
    }
    for (option, text) in options {
        scope.set(option, text.replace("${location}", place.as_str()));
    }
    let request = Request::new(packages.iter().map(String::as_str), tree.clone());
    debian::tree(scope, request.without(without.clone()), tree)
}
