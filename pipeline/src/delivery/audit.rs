//! The audit: whether what lies on the topics of an application is what its commits say.
//!
//! The idea: the control records say what each commit covered and what it wrote, as counts and digests; every output
//! tells the place of its event, and so its commit. Records and outputs are taken as they come; of a commit only sums, a
//! bit per event and the ids of alerts are kept, and that only until it is *settled*: found complete, or judged. Who reads
//! all there is judges once, at the end ([`Audit::finish`]). Who reads on and on may see an output before its record, or the
//! other way round: it *holds* what does not fit yet ([`Audit::hold`]) and judges it when all that was under way then has
//! been read ([`Audit::settle`]). The invariant: each fault has one name and is told once; topics that were read whole and
//! have none hold exactly the committed outputs.

mod journal;
mod report;
mod tally;

use std::collections::BTreeMap;

use self::journal::{Journal, Place};
pub use self::report::{Begin, Fault, Found, Report, Stream};
use self::tally::Commit;
use super::control::{ControlError, ControlRecord};
use super::digest::Digest;

/// An output that fits no commit that is known yet.
#[derive(Debug)]
struct Early {
    stream: Stream,
    topic: String,
    lies: u32,
    of: (u32, i64),
    digest: Option<Digest>,
    id: Option<u128>,
    /// Whether it was there when [`Audit::hold`] was called.
    held: bool,
}

/// Most of them; what comes beyond is judged at once. So many need a minute of commits whose records are nowhere.
const EARLY_MAX: usize = 1 << 20;

/// All records of a journal, and what it begins with.
pub type Records = (Begin, Vec<Vec<u8>>);

/// An audit under way.
#[derive(Debug)]
pub struct Audit {
    app: String,
    /// Whether repeats are faults.
    exact: bool,
    /// Whether all records have been taken: what no commit covers will not be covered later.
    whole: bool,
    /// One per partition of the control topic. A single one has all partitions of the input, several have one each.
    journals: Vec<Journal>,
    /// The streams and topics of outputs.
    topics: Vec<(Stream, String)>,
    early: Vec<Early>,
    last: BTreeMap<(String, u32, u32), i64>,
    report: Report,
}

impl Audit {
    /// Of an application that has these control records, from its first, and committed these offsets. `exact`: outputs,
    /// records and offsets were committed together.
    ///
    /// # Errors
    /// When a control record cannot be understood.
    pub fn new(
        app: &str,
        control: &[Vec<u8>],
        committed: &[(u32, i64)],
        exact: bool,
    ) -> Result<Audit, ControlError> {
        Audit::of(app, &[(Begin::Whole, control.to_vec())], committed, exact)
    }

    /// The same of one that may have several journals.
    ///
    /// # Errors
    /// As [`Audit::new`].
    pub fn of(
        app: &str,
        journals: &[Records],
        committed: &[(u32, i64)],
        exact: bool,
    ) -> Result<Audit, ControlError> {
        let begins: Vec<Begin> = journals.iter().map(|(begin, _)| *begin).collect();
        let mut audit = Audit::begin(app, &begins, exact);
        for ((_, records), journal) in journals.iter().zip(&mut audit.journals) {
            for linked in ControlRecord::decode_all(app, records)? {
                journal.take(linked, true, &mut audit.report);
            }
        }
        audit.whole = true;
        let several = audit.journals.len() > 1;
        for (number, journal) in (0_u32..).zip(&mut audit.journals) {
            let own = of_journal(committed, number, several);
            journal.end(&own, &mut audit.report);
        }
        Ok(audit)
    }

    /// Of an application whose records are yet to come, [`Audit::record`] by record.
    #[must_use]
    pub fn begin(app: &str, journals: &[Begin], exact: bool) -> Audit {
        Audit {
            app: app.to_owned(),
            exact,
            whole: false,
            journals: journals
                .iter()
                .map(|begin| Journal::new(*begin, exact))
                .collect(),
            topics: Vec::new(),
            early: Vec::new(),
            last: BTreeMap::new(),
            report: Report::default(),
        }
    }

    /// Takes the next record of a journal; its number and what the next one calls it. Not `compared` is what a commit wrote
    /// of which some may not be read.
    pub fn record(&mut self, journal: u32, bytes: &[u8], compared: bool) -> Option<(u64, String)> {
        let taking = self.journals.get_mut(journal as usize)?;
        match ControlRecord::decode_all(&self.app, &[bytes.to_vec()]) {
            Ok(all) => {
                let linked = all.into_iter().next()?;
                let told = (linked.record.sequence, linked.link.clone());
                taking.take(linked, compared, &mut self.report);
                Some(told)
            }
            Err(error) => {
                let said = || format!("journal {journal}: {error}");
                self.report.add(Fault::ChainBreak, said);
                None
            }
        }
    }

    /// Says which offsets were committed before the last records were read: where records come without their offsets
    /// only this tells which of them count. Then looks again at what fitted none.
    pub fn committed(&mut self, committed: &[(u32, i64)]) {
        let several = self.journals.len() > 1;
        for (number, journal) in (0_u32..).zip(&mut self.journals) {
            let own = of_journal(committed, number, several);
            journal.committed(&own, &mut self.report);
        }
        for early in std::mem::take(&mut self.early) {
            let found = Found {
                lies: (&early.topic, early.lies),
                of: early.of,
                digest: early.digest,
                id: early.id,
            };
            self.place(early.stream, &found, early.held);
        }
    }

    /// Takes an output; those of one partition in their order.
    pub fn take(&mut self, stream: Stream, found: &Found<'_>) {
        self.report.outputs[stream as usize] += 1;
        self.place(stream, found, false);
    }

    /// Takes what lies among the outputs of a stream and is none.
    pub fn stranger(&mut self, stream: Stream, lies: (&str, u32, i64), cause: &str) {
        let (topic, partition, offset) = lies;
        self.report.add(Fault::Phantom, || {
            let stream = stream.name();
            format!("{stream}: {topic}, partition {partition}, offset {offset}: {cause}")
        });
    }

    fn place(&mut self, stream: Stream, found: &Found<'_>, held: bool) {
        let (topic, lies) = found.lies;
        let (partition, offset) = found.of;
        let at = self.topic(stream, topic);
        let report = &mut self.report;
        let said = || said(stream, found);
        let journal = match self.journals.as_mut_slice() {
            [only] => Some(only),
            several => several.get_mut(partition as usize),
        };
        match journal.map(|journal| journal.place(found.of)) {
            Some(Place::In(commit)) => {
                if !commit.first(at, found) {
                    if self.exact {
                        report.add(Fault::Duplicated, said);
                    } else {
                        commit.repeated(at, found);
                        commit.let_go(stream, at);
                    }
                    return;
                }
                commit.add(at, found, !self.exact);
                if !self.exact {
                    commit.let_go(stream, at);
                }
                let last = (topic.to_owned(), lies, partition);
                let before = self.last.insert(last, offset);
                // An event may raise several alerts.
                if self.exact && before.is_some_and(|before| before > offset) {
                    report.add(Fault::OutOfOrder, said);
                }
            }
            Some(Place::Settled) if self.exact => report.add(Fault::Duplicated, said),
            Some(Place::Settled) => {}
            Some(Place::Removed) => report.before += 1,
            // Of a commit that was not finished, where they are not one.
            _ if self.whole || self.early.len() >= EARLY_MAX => {
                if self.exact {
                    report.add(Fault::Phantom, said);
                }
            }
            _ => self.early.push(Early {
                stream,
                topic: topic.to_owned(),
                lies,
                of: found.of,
                digest: found.digest,
                id: found.id,
                held,
            }),
        }
    }

    /// The number of a topic of outputs.
    fn topic(&mut self, stream: Stream, topic: &str) -> usize {
        let same = |(known, name): &(Stream, String)| *known == stream && name == topic;
        self.topics.iter().position(same).unwrap_or_else(|| {
            self.topics.push((stream, topic.to_owned()));
            self.topics.len() - 1
        })
    }

    /// Whether anything waits to be settled.
    #[must_use]
    pub fn waits(&self) -> bool {
        !self.early.is_empty() || self.journals.iter().any(Journal::waits)
    }

    /// Holds what does not fit: all of it that is there now will be judged, when everything has been read that is in the
    /// topics now, what is not committed yet included.
    pub fn hold(&mut self) {
        self.early.iter_mut().for_each(|early| early.held = true);
        self.journals.iter_mut().for_each(Journal::hold);
    }

    /// Lets go of the commits that are complete; `topics` are those that are read, by stream. With `judge` also of all that
    /// was held: it is as it will be.
    pub fn settle(&mut self, topics: &[(Stream, String)], judge: bool) {
        let topics: Vec<_> = topics
            .iter()
            .map(|(stream, topic)| (*stream, topic.as_str(), self.topic(*stream, topic)))
            .collect();
        let (report, exact) = (&mut self.report, self.exact);
        for journal in &mut self.journals {
            journal.settle(|commit| {
                let complete = || {
                    topics
                        .iter()
                        .all(|(s, _, at)| commit.is_complete(*s, *at, exact))
                };
                if commit.compared && complete() {
                    report.commits += 1;
                    return true;
                }
                if !(judge && commit.held) {
                    return false;
                }
                report.commits += 1;
                if commit.compared {
                    compare(commit, &topics, exact, report);
                }
                true
            });
        }
        if !judge {
            return;
        }
        self.early.retain(|early| {
            // Without transactions the record of an output comes when it comes.
            if early.held && exact {
                let found = Found {
                    lies: (&early.topic, early.lies),
                    of: early.of,
                    digest: early.digest,
                    id: early.id,
                };
                report.add(Fault::Phantom, || said(early.stream, &found));
            }
            !(early.held && exact)
        });
    }

    /// What was found since the last time.
    pub fn report(&mut self) -> Report {
        std::mem::take(&mut self.report)
    }

    /// Judges all; `topics` are those that were read whole, by stream.
    #[must_use]
    pub fn finish(mut self, topics: &[(Stream, String)]) -> Report {
        self.hold();
        self.settle(topics, true);
        self.report
    }
}

/// The offsets that concern a journal.
fn of_journal(committed: &[(u32, i64)], journal: u32, several: bool) -> Vec<(u32, i64)> {
    let own = committed.iter().copied();
    let mut own: Vec<_> = own
        .filter(|(partition, _)| !several || *partition == journal)
        .collect();
    own.sort_unstable();
    own
}

fn said(stream: Stream, found: &Found<'_>) -> String {
    let ((topic, lies), (partition, offset)) = (found.lies, found.of);
    let stream = stream.name();
    format!("{stream}: {topic}, partition {lies}: event {partition}/{offset}")
}

/// Says what is wrong with a commit.
fn compare(commit: &Commit, topics: &[(Stream, &str, usize)], exact: bool, report: &mut Report) {
    for (stream, topic, at) in topics {
        let (wanted, _) = commit.wrote(*stream);
        let found = commit.count(*at);
        let said = |what: &str| {
            let (sequence, name) = (commit.sequence, stream.name());
            format!("{topic}: commit {sequence} wrote {wanted} {name}, {what}")
        };
        if found < wanted {
            report.add(Fault::Lost, || said(&format!("{found} are there")));
        }
        // More than it wrote, where that is allowed: decided twice, and otherwise the second time.
        if (exact || found <= wanted) && !commit.is_same(*stream, *at) {
            report.add(Fault::Torn, || said("those there are not what it wrote"));
        }
    }
}

/// What the bytes of an alert or decision add to a digest.
#[must_use]
pub fn digest_of(json: &[u8]) -> Digest {
    let mut digest = Digest::default();
    digest.add(json);
    digest
}

#[cfg(test)]
mod tests;
