//! What stands between the story and the terminal once the demo is to end.

use std::sync::{Arc, Mutex, PoisonError};

use crate::{
    error::{Exit, Failure},
    ui::Progress,
};

/// While it is up the story shows its steps and bars; once it has fallen nothing more of the story
/// appears among what is said about the end. All clones are the same curtain.
#[derive(Debug, Clone)]
pub(super) struct Curtain(Arc<Mutex<Option<Progress>>>);

impl Curtain {
    /// A curtain that is up, and no bars yet.
    pub(super) fn up() -> Self {
        Self(Arc::new(Mutex::new(Some(Progress::new()))))
    }

    /// Shows something of the story.
    ///
    /// # Errors
    /// The curtain has fallen: nothing was shown, and the story is over.
    pub(super) fn show<T>(&self, act: impl FnOnce(&mut Progress) -> T) -> Result<T, Failure> {
        match &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(bars) => Ok(act(bars)),
            None => Err(Failure::new(Exit::Failed, "the demo is ending")),
        }
    }

    /// Ends the bars, and the story with its next step.
    pub(super) fn fall(&self) {
        let bars = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(mut bars) = bars {
            bars.end_all();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_shown_once_it_has_fallen() {
        let curtain = Curtain::up();
        let mut shown = 0;
        curtain.show(|_| shown += 1).unwrap();
        curtain.clone().fall();
        assert!(curtain.show(|_| shown += 1).is_err());
        assert_eq!(shown, 1);
    }
}
