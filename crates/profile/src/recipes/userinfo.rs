//! `slapos.cookbook:userinfo`: who runs this. Out: `pw-name pw-uid pw-gid pw-dir pw-shell gr-name gr-gid`.

use camino::Utf8Path;

use super::{Kind, OptionsOnly, Recipe};
use crate::engine::{Scope, Stop};
use crate::error::Result;
use crate::files;

pub(super) static KINDS: [Kind; 1] = [Kind::new(&["slapos.cookbook:userinfo"], make)];

fn make(scope: &mut Scope<'_, '_>) -> Result<Box<dyn Recipe>, Stop> {
    let (uid, gid) = (rustix::process::getuid().as_raw(), rustix::process::getgid().as_raw());
    let line = |file: &str, id: u32| -> Result<Vec<String>> {
        let text = files::read(Utf8Path::new(file))?;
        Ok(entry(&String::from_utf8_lossy(&text), id).unwrap_or_default())
    };
    let (user, group) = (line("/etc/passwd", uid)?, line("/etc/group", gid)?);
    let field = |entry: &[String], at: usize| entry.get(at).cloned().unwrap_or_default();
    for (option, at) in [("pw-name", 0), ("pw-dir", 5), ("pw-shell", 6)] {
        scope.set(option, field(&user, at));
    }
    scope.set("pw-uid", uid.to_string());
    scope.set("pw-gid", gid.to_string());
    scope.set("gr-name", field(&group, 0));
    scope.set("gr-gid", gid.to_string());
    Ok(Box::new(OptionsOnly))
}

/// The fields of the line whose third field is `id`.
pub(super) fn entry(text: &str, id: u32) -> Option<Vec<String>> {
    let lines = text.lines().map(|line| line.split(':').map(ToOwned::to_owned).collect::<Vec<_>>());
    lines.into_iter().find(|fields| fields.get(2).is_some_and(|field| *field == id.to_string()))
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_user_is_found_by_number() {
        let text = "root:x:0:0:root:/root:/bin/bash\nana:x:1000:1000::/home/ana:/bin/sh\n";
        assert_eq!(super::entry(text, 1000).unwrap()[5], "/home/ana");
        assert_eq!(super::entry(text, 7), None);
    }
}
