//! Bars for long steps, on a terminal only; elsewhere one line when a step ends.

use std::{collections::BTreeMap, time::Duration};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

/// Several steps that run at the same time, each with a line of its own.
#[derive(Debug)]
pub(crate) struct Progress {
    bars: MultiProgress,
    by_name: BTreeMap<String, ProgressBar>,
}

impl Progress {
    /// Nothing is shown yet.
    pub(crate) fn new() -> Self {
        Self { bars: MultiProgress::new(), by_name: BTreeMap::new() }
    }

    /// Shows how far a step is, when that is known, and what it does right now.
    pub(crate) fn show(&mut self, name: &str, percent: Option<u8>, text: &str) {
        if !super::on_terminal() {
            return;
        }
        let bar = self.by_name.entry(name.to_owned()).or_insert_with(|| {
            let bar = self.bars.add(ProgressBar::new(100));
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        });
        let template = match percent {
            Some(_) => "   {spinner} {prefix:24} [{bar:24}] {msg}",
            None => "   {spinner} {prefix:24} {msg}",
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.set_prefix(name.to_owned());
        bar.set_message(text.to_owned());
        bar.set_position(percent.unwrap_or(0).into());
    }

    /// A step has ended: its bar goes away.
    pub(crate) fn end(&mut self, name: &str) {
        if let Some(bar) = self.by_name.remove(name) {
            bar.finish_and_clear();
        }
    }

    /// All steps have ended.
    pub(crate) fn end_all(&mut self) {
        for (_, bar) in std::mem::take(&mut self.by_name) {
            bar.finish_and_clear();
        }
    }

    /// Prints a line above the bars.
    pub(crate) fn line(&self, text: impl AsRef<str>) {
        if super::on_terminal() {
            // The terminal may be gone; there is nobody left to tell.
            let _gone = self.bars.println(text);
        } else {
            super::Ui { json: false }.say(text.as_ref());
        }
    }
}
