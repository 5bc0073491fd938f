//! How far long work has come: a bar on a terminal, nothing anywhere else.
//!
//! The invariant: it is written to standard error and never to a pipe, so that output can be redirected as it is.

use indicatif::{ProgressBar, ProgressStyle};

/// A count that grows.
#[derive(Debug)]
pub(super) struct Progress {
    bar: ProgressBar,
}

impl Progress {
    /// A count of rows without a known end; `what` names them.
    pub(super) fn rows(what: &'static str) -> Progress {
        let form = format!("{{spinner}} {{human_pos}} {what} {{per_sec}} {{elapsed}}");
        let style = ProgressStyle::with_template(&form)
            .unwrap_or_else(|_| ProgressStyle::default_spinner());
        // Hidden by indicatif itself where standard error is no terminal.
        Progress {
            bar: ProgressBar::no_length().with_style(style),
        }
    }

    /// It is here now.
    pub(super) fn at(&mut self, rows: u64) {
        self.bar.set_position(rows);
    }

    /// It is over.
    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
