//! Progress on standard error, where that is a terminal.

use std::io::IsTerminal;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::model::{Events, Stage};
use crate::report::escape;

/// A bar that says what is read, how much of how much, and how many keys there are so far. No estimate of the time
/// left: families of large files make every estimate wrong.
pub(super) struct Progress {
    bar: ProgressBar,
    is_visible: bool,
    done: AtomicU64,
    keys: Mutex<u64>,
}

impl Progress {
    /// A bar on standard error, or nothing where that is no terminal or nobody wants one.
    pub(super) fn new(quiet: bool) -> Self {
        let bar = ProgressBar::new_spinner();
        let visible = !quiet && std::io::stderr().is_terminal();
        bar.set_draw_target(if visible {
            ProgressDrawTarget::stderr_with_hz(10)
        } else {
            ProgressDrawTarget::hidden()
        });
        if visible {
            bar.enable_steady_tick(Duration::from_millis(120));
        }
        Self { bar, is_visible: visible, done: AtomicU64::new(0), keys: Mutex::new(0) }
    }

    /// Clears the line.
    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }

    fn style(&self, template: &str) {
        if let Ok(style) = ProgressStyle::with_template(template) {
            self.bar.set_style(style);
        }
    }
}

impl Events for Progress {
    fn stage(&self, stage: Stage, path: &str, total: Option<u64>) {
        let path = escape::terminal(path).to_string();
        let name = path.rsplit('/').find(|part| !part.is_empty() && *part != ".git").unwrap_or(&path).to_owned();
        let prefix = match stage {
            Stage::Opening => "opening",
            Stage::Content => "reading",
            Stage::History => "attributing",
        };
        self.bar.set_prefix(format!("{prefix} {name}"));
        self.done.store(0, Ordering::Relaxed);
        self.bar.set_position(0);
        match total {
            Some(total) => {
                self.bar.set_length(total);
                self.style("{spinner} {prefix} {bar:30} {human_pos}/{human_len} objects  {msg}");
            }
            None => self.style("{spinner} {prefix}  {msg}"),
        }
    }

    fn advance(&self, steps: u64) {
        /// The bar looks at the clock each time, which takes longer than a small object.
        const AT_ONCE: u64 = 256;
        if self.is_visible {
            let before = self.done.fetch_add(steps, Ordering::Relaxed);
            if before / AT_ONCE != (before + steps) / AT_ONCE {
                self.bar.set_position(before + steps);
            }
        }
    }

    fn keys(&self, count: u64) {
        if let Ok(mut shown) = self.keys.lock()
            && *shown != count
        {
            *shown = count;
            self.bar.set_message(format!("{count} {}", if count == 1 { "key" } else { "keys" }));
        }
    }
}
