//! Progress of long work: a bar on a terminal, nothing on what is none.
//!
//! The invariant: it is written to standard error only, so that results stay whole.

use std::io::IsTerminal;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// How far something is.
#[derive(Debug)]
pub(super) struct Progress {
    bar: ProgressBar,
}

impl Progress {
    /// Of so many `things`; 0 when nobody knows how many.
    pub(super) fn of(total: u64, things: &'static str) -> Progress {
        if !std::io::stderr().is_terminal() {
            return Progress {
                bar: ProgressBar::hidden(),
            };
        }
        let form = if total > 0 {
            "{elapsed_precise} {wide_bar} {human_pos}/{human_len} {msg} ({per_sec}, {eta} left)"
        } else {
            "{elapsed_precise} {human_pos} {msg} ({per_sec})"
        };
        let style =
            ProgressStyle::with_template(form).unwrap_or_else(|_| ProgressStyle::default_bar());
        let bar =
            ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr_with_hz(10));
        bar.set_style(style);
        bar.set_message(things);
        Progress { bar }
    }

    /// So far.
    pub(super) fn at(&self, done: u64) {
        self.bar.set_position(done);
    }

    /// All done.
    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
