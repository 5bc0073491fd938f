//! The jobs of a crew, and what comes of each.
//!
//! The invariant: a job owns what it works on, or shares what nobody changes meanwhile.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use arrow::error::ArrowError;
use connectors::record::{Batch, OutRecord};
use rules::decision::Renderer;
use rules::evaluate::StepOutput;
use rules::evaluate::exchange::{Lost, Task};

use crate::clock::Clock;
use crate::operator::decode::{Decode, Segment};
use crate::operator::merge::Merged;
use crate::operator::output::decisions;

/// What is to be done.
pub(super) enum Job {
    Task(Box<Task>),
    /// With its ticket.
    Decode(u64, Box<Decoding>),
    /// With the number of the part.
    Render(usize, Rendering),
}

/// What came of it.
pub(super) enum Done {
    Task(Box<Task>),
    Decoded(u64, Box<Decoded>),
    Rendered(usize, Vec<OutRecord>),
    Broken(Lost),
}

/// A batch to decode, and the operator that does it.
pub struct Decoding {
    /// The operator, for as long.
    pub decode: Decode,
    /// The batch.
    pub batch: Batch,
    /// When it was taken, for [`Segment::taken_at`].
    pub taken_at: i64,
    /// Tells how long it took.
    pub clock: Arc<dyn Clock>,
}

/// A batch that was decoded.
pub struct Decoded {
    /// The operator, to be used again.
    pub decode: Decode,
    /// What came of the batch.
    pub segment: Result<Segment, ArrowError>,
    /// How long it took.
    pub took: Duration,
}

/// A stretch of a step's decisions, to be written one by one.
pub struct Rendering {
    /// Who writes.
    pub renderer: Arc<Renderer>,
    /// The step.
    pub step: Arc<Merged>,
    /// What came of it.
    pub out: Arc<StepOutput>,
    /// Which rows.
    pub rows: Range<usize>,
}

impl Job {
    pub(super) fn run(self) -> Done {
        match self {
            Job::Task(mut task) => {
                task.run();
                Done::Task(task)
            }
            Job::Decode(ticket, decoding) => Done::Decoded(ticket, Box::new(decoding.run())),
            Job::Render(part, rendering) => Done::Rendered(part, rendering.run()),
        }
    }
}

impl Decoding {
    fn run(self) -> Decoded {
        let Decoding {
            mut decode,
            batch,
            taken_at,
            clock,
        } = self;
        let started = clock.elapsed();
        let segment = decode.run(batch, taken_at);
        Decoded {
            decode,
            segment,
            took: clock.elapsed().saturating_sub(started),
        }
    }
}

impl Rendering {
    fn run(self) -> Vec<OutRecord> {
        let view = self.renderer.view(&self.step.rows, &self.out);
        decisions(&view, &self.step, self.rows)
    }
}
