//! Output: what a step brought goes to its sinks: decisions, alerts, dead letters.
//!
//! The idea: each stream is rendered once per form its sinks want (records, packs of them, columns) and handed to each
//! of them.
//! The invariant: a dead letter leaves with the bytes it came with; what was written since the last commit is kept
//! where the log is atomic, so that an aborted commit is answered by the same bytes again, never by a rewind.

mod dead;
mod pack;
mod patient;
mod render;
mod written;

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::error::ArrowError;
use connectors::record::OutRecord;
use connectors::sink::{Payload, Sink, SinkError, Takes};
use rules::decision::{Renderer, View};
use rules::evaluate::StepOutput;
use rules::evaluate::exchange::{Hands, Lost, ROWS_MIN};

pub use self::pack::{Bounds, CONTENT_TYPE, COUNT, Packing};
use self::patient::{flush_patiently, write_patiently};
pub(crate) use self::render::decisions;
pub use self::written::Written;
use super::decode::DeadLetter;
use super::merge::Merged;
use crate::crew::{Crew, Rendering};
use crate::delivery::digest::{Digest, Digests};

/// A failure to write.
#[derive(Debug, thiserror::Error)]
pub enum OutputError {
    /// A sink refused.
    #[error(transparent)]
    Sink(#[from] SinkError),
    /// A broken invariant: columns that do not fit together.
    #[error("render columns: {0}")]
    Columns(#[from] ArrowError),
    /// A worker that wrote decisions broke.
    #[error("render decisions: {0}")]
    Lost(#[from] Lost),
}

/// The operator.
pub struct Output {
    renderer: Arc<Renderer>,
    /// The name positions carry.
    topic: String,
    decisions: Stream,
    alerts: Stream,
    dead_letters: Stream,
    /// Whether [`Written::digests`] are told.
    digests: bool,
    spare: pack::Spare,
}

/// The sinks of one stream and what was written to them since the last commit, where that is kept.
#[derive(Default)]
struct Stream {
    sinks: Vec<Outlet>,
    keep: bool,
    kept: Vec<(Packing, Vec<OutRecord>)>,
}

/// A sink, and how what goes to it is packed.
struct Outlet {
    sink: Box<dyn Sink>,
    packing: Packing,
}

impl Outlet {
    fn takes(&self, packing: Packing) -> bool {
        self.sink.takes() == Takes::Records && self.packing == packing
    }
}

impl std::fmt::Debug for Output {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Output")
            .field("topic", &self.topic)
            .finish_non_exhaustive()
    }
}

impl Output {
    /// An operator over these sinks. `keep` is set where the commit log is atomic: see the module's page.
    #[must_use]
    pub fn new(
        renderer: Renderer,
        topic: &str,
        decisions: Vec<Box<dyn Sink>>,
        alerts: Vec<Box<dyn Sink>>,
        dead_letters: Vec<Box<dyn Sink>>,
        keep: bool,
    ) -> Output {
        let outlet = |sink| Outlet {
            sink,
            packing: Packing::None,
        };
        let stream = |sinks: Vec<Box<dyn Sink>>| Stream {
            sinks: sinks.into_iter().map(outlet).collect(),
            keep,
            kept: Vec::new(),
        };
        Output {
            renderer: Arc::new(renderer),
            topic: topic.to_owned(),
            decisions: stream(decisions),
            alerts: stream(alerts),
            dead_letters: stream(dead_letters),
            digests: false,
            spare: pack::Spare::default(),
        }
    }

    /// The same, with digests of what is written.
    #[must_use]
    pub fn with_digests(mut self, digests: bool) -> Output {
        self.digests = digests;
        self
    }

    /// How each sink of the decisions wants them packed, in the order of the sinks; the others have them one by one.
    #[must_use]
    pub fn with_packing(mut self, packing: &[Packing]) -> Output {
        for (outlet, packing) in self.decisions.sinks.iter_mut().zip(packing) {
            outlet.packing = *packing;
        }
        self
    }

    /// Writes what a step brought; many decisions become JSON by many hands.
    ///
    /// # Errors
    /// [`OutputError`]; nothing since the last commit may then be taken as written.
    pub fn write(
        &mut self,
        step: &Arc<Merged>,
        out: &Arc<StepOutput>,
        crew: &mut Crew,
    ) -> Result<Written, OutputError> {
        let renderer = Arc::clone(&self.renderer);
        let view = renderer.view(&step.rows, out);
        let mut written = counted(step, out);
        let mut told = !self.digests;
        for packing in self.decisions.packings() {
            let (records, digest) = match packing {
                Packing::None => {
                    let rows = step.times.len();
                    let records = match !crew.is_alone() && rows >= ROWS_MIN {
                        true => crew.render(self.parts(step, out, crew.count()))?,
                        false => decisions(&view, step, 0..rows),
                    };
                    let digest = (!told).then(|| self.digest(&records));
                    (records, digest)
                }
                packing => {
                    let spare = &mut self.spare;
                    pack::packed(packing, &view, step, &self.topic, !told, spare)?
                }
            };
            if let Some(digest) = digest {
                (written.digests.decisions, told) = (digest, true);
            }
            let left = self.decisions.write_records(packing, records)?;
            self.spare.keep(packing, left);
        }
        if !told {
            written.digests.decisions = render::digest(&view, step.times.len());
        }
        if self.decisions.wants(Takes::Columns) {
            self.decisions.write_columns(&view.decision_columns()?)?;
        }
        if self.alerts.sinks.is_empty() {
            written.digests.alerts = None;
        } else if written.alerts > 0 {
            self.write_alerts(&view, step, &mut written)?;
        }
        if !step.dead.is_empty() && (self.digests || self.dead_letters.wants(Takes::Records)) {
            let letters = self.letters(step);
            if self.digests {
                let digest = &mut written.digests.dead_letters;
                letters.iter().for_each(|letter| digest.add_record(letter));
            }
            self.dead_letters.write_records(Packing::None, letters)?;
        }
        Ok(written)
    }

    fn write_alerts(
        &mut self,
        view: &View<'_>,
        step: &Merged,
        written: &mut Written,
    ) -> Result<(), OutputError> {
        if self.digests || self.alerts.wants(Takes::Records) {
            let alerts = render::alerts(view, step);
            written.digests.alerts = Some(self.digest(&alerts));
            self.alerts.write_records(Packing::None, alerts)?;
        }
        if self.alerts.wants(Takes::Columns) {
            self.alerts.write_columns(&view.alert_columns()?)?;
        }
        Ok(())
    }

    /// What [`Output::write`] would write and tell, without writing it; `alerts`: those, too, whether there is a sink or not.
    #[must_use]
    pub fn tell(&self, step: &Merged, out: &StepOutput, alerts: bool) -> Written {
        let view = self.renderer.view(&step.rows, out);
        let mut written = counted(step, out);
        if self.digests {
            written.digests.decisions = render::digest(&view, step.times.len());
            written.digests.alerts = alerts.then(|| self.digest(&render::alerts(&view, step)));
            let digest = &mut written.digests.dead_letters;
            let letters = self.letters(step);
            letters.iter().for_each(|letter| digest.add_record(letter));
        }
        written
    }

    fn digest(&self, records: &[OutRecord]) -> Digest {
        let mut digest = Digest::default();
        if self.digests {
            let values = records.iter().filter_map(|record| record.value.as_deref());
            values.for_each(|value| digest.add(value));
        }
        digest
    }

    fn letters(&self, step: &Merged) -> Vec<OutRecord> {
        let record =
            |(partition, letter): &(u32, DeadLetter)| dead::record(&self.topic, *partition, letter);
        step.dead.iter().map(record).collect()
    }

    /// A step in stretches, more than there are hands: who comes late then leaves more to the others.
    fn parts(&self, step: &Arc<Merged>, out: &Arc<StepOutput>, hands: usize) -> Vec<Rendering> {
        let rows = step.times.len();
        let each = rows.div_ceil(2 * hands).max(1);
        let part = |start: usize| Rendering {
            renderer: Arc::clone(&self.renderer),
            step: Arc::clone(step),
            out: Arc::clone(out),
            rows: start..rows.min(start + each),
        };
        (0..rows).step_by(each).map(part).collect()
    }

    /// Makes durable what was written.
    ///
    /// # Errors
    /// [`SinkError`] of the first sink that cannot.
    pub fn flush(&mut self) -> Result<(), SinkError> {
        self.sinks()
            .try_for_each(|sink| flush_patiently(sink.as_mut()))
    }

    /// Writes again all records that were written since the last commit.
    ///
    /// # Errors
    /// [`SinkError`] of the first sink that refuses.
    pub fn write_again(&mut self) -> Result<(), SinkError> {
        for stream in self.streams() {
            for (packing, records) in std::mem::take(&mut stream.kept) {
                stream.write_records(packing, records)?;
            }
        }
        Ok(())
    }

    /// The commit is done: what was kept for it is no longer needed.
    pub fn committed(&mut self) {
        for (packing, records) in self.decisions.kept.drain(..) {
            self.spare.keep(packing, records);
        }
        self.alerts.kept.clear();
        self.dead_letters.kept.clear();
    }

    /// What was written since the last commit is given up: it will be decided and written again.
    pub fn forget(&mut self) {
        self.committed();
    }

    /// Finishes every sink.
    ///
    /// # Errors
    /// [`SinkError`] of the first sink that cannot be finished.
    pub fn close(&mut self) -> Result<(), SinkError> {
        self.sinks().try_for_each(|sink| sink.close())
    }

    fn streams(&mut self) -> [&mut Stream; 3] {
        [
            &mut self.decisions,
            &mut self.alerts,
            &mut self.dead_letters,
        ]
    }

    fn sinks(&mut self) -> impl Iterator<Item = &mut Box<dyn Sink>> {
        self.streams()
            .into_iter()
            .flat_map(|stream| stream.sinks.iter_mut())
            .map(|outlet| &mut outlet.sink)
    }
}

/// How much a step brought.
fn counted(step: &Merged, out: &StepOutput) -> Written {
    let count = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
    Written {
        decisions: count(out.decisions.len()),
        alerts: count(out.hits.iter().filter(|hit| hit.alert).count()),
        dead_letters: count(step.dead.len()),
        digests: Digests::default(),
    }
}

impl Stream {
    fn wants(&self, takes: Takes) -> bool {
        self.sinks.iter().any(|outlet| outlet.sink.takes() == takes)
    }

    /// The packings its sinks want records in, each once.
    fn packings(&self) -> Vec<Packing> {
        let mut packings = Vec::new();
        for outlet in &self.sinks {
            if outlet.takes(outlet.packing) && !packings.contains(&outlet.packing) {
                packings.push(outlet.packing);
            }
        }
        packings
    }

    /// Writes records, and gives them back where they are not kept.
    fn write_records(
        &mut self,
        packing: Packing,
        records: Vec<OutRecord>,
    ) -> Result<Vec<OutRecord>, SinkError> {
        let outlets = self.sinks.iter_mut();
        for outlet in outlets.filter(|outlet| outlet.takes(packing)) {
            write_patiently(outlet.sink.as_mut(), || Payload::Records(&records))?;
        }
        if self.keep && !self.sinks.is_empty() {
            self.kept.push((packing, records));
            return Ok(Vec::new());
        }
        Ok(records)
    }

    fn write_columns(&mut self, rows: &RecordBatch) -> Result<(), SinkError> {
        let columns = |outlet: &&mut Outlet| outlet.sink.takes() == Takes::Columns;
        let mut outlets = self.sinks.iter_mut().filter(columns);
        outlets
            .try_for_each(|outlet| write_patiently(outlet.sink.as_mut(), || Payload::Columns(rows)))
    }
}
