//! A part that is a folder which takes long to make: by downloads, or by programs of others.

use std::fs;

use camino::{Utf8Path, Utf8PathBuf};

use super::Recipe;
use crate::engine::{Scope, Slow, Stop, Teller, Work};
use crate::error::{Code, Error, Result};
use crate::job::{Purpose, Supply};

type Labour = dyn FnOnce(&mut Teller<'_>) -> Result<()> + Send;

pub(super) struct Made {
    folder: Utf8PathBuf,
    labour: Option<Box<Labour>>,
}

impl Made {
    /// As what a constructor gives back.
    pub(super) fn boxed(
        folder: Utf8PathBuf,
        labour: impl FnOnce(&mut Teller<'_>) -> Result<()> + Send + 'static,
    ) -> Box<dyn Recipe> {
        Box::new(Self { folder, labour: Some(Box::new(labour)) })
    }
}

/// What the release takes its software from; `what` is plural, and the subject of the refusal in an instance.
pub(super) fn supply<'h>(scope: &Scope<'_, 'h>, what: &str) -> Result<&'h Supply, Stop> {
    let Purpose::Software(supply) = &scope.job().purpose else {
        let message = format!("{what} can only be installed by a release");
        let fault = scope.fault("recipe", Code::Unsupported, message);
        return Err(fault.with_hint("move this part into software.cfg; if this is a release under another name, say so with --release").into());
    };
    Ok(supply)
}

/// Where a part's long step may put what is not wanted afterwards. What an interrupted step has left there is found again
/// by the next one; after any other end it is gone.
pub(super) fn workshop(folder: &Utf8Path) -> Utf8PathBuf {
    Utf8PathBuf::from(format!("{folder}.workshop"))
}

impl Recipe for Made {
    fn slow(&mut self, same: bool) -> Option<Slow> {
        let labour = self.labour.take().filter(|_| !same)?;
        let workshop = workshop(&self.folder);
        let owns = vec![self.folder.clone(), workshop.clone()];
        Some(Slow::new(owns, move |teller| {
            let made = labour(teller);
            match fs::remove_dir_all(&workshop) {
                Err(source) if workshop.exists() => {
                    made.and(Err(Error::io("remove", &workshop, &source)))
                }
                _ => made,
            }
        }))
    }

    fn install(&mut self, work: &mut Work<'_>) -> Result<()> {
        work.changed(&self.folder);
        work.record(&self.folder)?;
        Ok(())
    }

    fn update(&mut self, work: &mut Work<'_>) -> Result<()> {
        work.keep();
        Ok(())
    }
}
