//! What every [`CommitLog`] must do, as checks over a [`LogRig`]; the numbers in the docs are the points of the contract
//! in [`crate::log`].

use super::{Check, Outcome, ensure};
use crate::log::{ALL_RECORDS, CommitLog, Committed, LogError, Scope};
use crate::record::OutRecord;
use crate::sink::{Payload, Sink};

/// A commit log and one sink bound to it.
pub type Bound = (Box<dyn CommitLog>, Box<dyn Sink>);

/// How the suite handles one kind of commit log.
pub trait LogRig {
    /// Opens the log (again, over what it already holds) with one sink bound to it.
    ///
    /// # Errors
    /// In words, when it cannot.
    fn open(&mut self) -> Result<Bound, String>;

    /// The values a reader of the bound sink's topic sees now, in order.
    ///
    /// # Errors
    /// In words, when it cannot be read.
    fn outputs(&mut self) -> Result<Vec<Vec<u8>>, String>;

    /// Whether [`CommitLog::fence`] alone shuts out an earlier holder.
    fn fences(&self) -> bool {
        true
    }

    /// How many input partitions offsets may name, at least 2.
    fn partitions(&self) -> u32 {
        2
    }
}

/// Any rig, owning what it uses.
pub type Rig = dyn LogRig;

/// Every check.
pub const ALL: &[Check<Rig>] = &[
    Check {
        name: "a_new_log_is_empty",
        run: a_new_log_is_empty,
    },
    Check {
        name: "a_commit_is_remembered",
        run: a_commit_is_remembered,
    },
    Check {
        name: "control_records_keep_their_order",
        run: control_records_keep_their_order,
    },
    Check {
        name: "records_are_told_as_far_back_as_asked",
        run: records_are_told_as_far_back_as_asked,
    },
    Check {
        name: "an_offset_not_named_stays",
        run: an_offset_not_named_stays,
    },
    Check {
        name: "a_commit_without_outputs_counts",
        run: a_commit_without_outputs_counts,
    },
    Check {
        name: "uncommitted_outputs_are_unseen",
        run: uncommitted_outputs_are_unseen,
    },
    Check {
        name: "an_abort_drops_what_was_gathered",
        run: an_abort_drops_what_was_gathered,
    },
    Check {
        name: "an_earlier_holder_is_fenced",
        run: an_earlier_holder_is_fenced,
    },
];

fn open(rig: &mut Rig) -> Result<(Bound, Committed), String> {
    let (mut log, sink) = rig.open()?;
    log.fence().map_err(|error| error.to_string())?;
    let committed = log
        .committed(Scope::Whole, ALL_RECORDS)
        .map_err(|error| error.to_string())?;
    Ok(((log, sink), committed))
}

fn write(sink: &mut dyn Sink, value: &str) -> Outcome {
    let record = OutRecord {
        key: None,
        value: Some(value.as_bytes().to_vec()),
        headers: Vec::new(),
    };
    sink.write(Payload::Records(&[record]))
        .map_err(|error| error.to_string())?;
    sink.flush().map_err(|error| error.to_string())
}

/// Begins, writes the values, commits; a call that may be tried again is, a few times.
fn commit(
    log: &mut dyn CommitLog,
    sink: &mut dyn Sink,
    values: &[&str],
    offsets: &[(u32, i64)],
    control: &str,
) -> Outcome {
    log.begin().map_err(|error| error.to_string())?;
    for value in values {
        write(sink, value)?;
    }
    let mut tries = 0;
    loop {
        match log.commit(offsets, &[(0, control.as_bytes().to_vec())]) {
            Ok(()) => return Ok(()),
            Err(LogError::Retry { .. }) if tries < 10 => tries += 1,
            Err(error) => return Err(error.to_string()),
        }
    }
}

fn same_committed(found: &Committed, offsets: &[(u32, i64)], control: &[&str]) -> Outcome {
    let wanted = Committed {
        offsets: offsets.to_vec(),
        control: control
            .iter()
            .map(|text| text.as_bytes().to_vec())
            .collect(),
    };
    ensure(*found == wanted, || {
        format!("expected {wanted:?}, found {found:?}")
    })
}

fn same_outputs(rig: &mut Rig, wanted: &[&str]) -> Outcome {
    let found = rig.outputs()?;
    let wanted: Vec<Vec<u8>> = wanted
        .iter()
        .map(|value| value.as_bytes().to_vec())
        .collect();
    ensure(found == wanted, || {
        format!("expected outputs {wanted:?}, found {found:?}")
    })
}

/// Point 2: before the first commit there is nothing.
fn a_new_log_is_empty(rig: &mut Rig) -> Outcome {
    let (_bound, committed) = open(rig)?;
    same_committed(&committed, &[], &[])
}

/// Points 2 and 3, and that they outlive the one who committed.
fn a_commit_is_remembered(rig: &mut Rig) -> Outcome {
    let ((mut log, mut sink), _) = open(rig)?;
    commit(
        &mut *log,
        &mut *sink,
        &["a", "b"],
        &[(0, 2), (1, 5)],
        "first",
    )?;
    drop((log, sink));
    let (_bound, committed) = open(rig)?;
    same_committed(&committed, &[(0, 2), (1, 5)], &["first"])?;
    same_outputs(rig, &["a", "b"])
}

/// Point 2: all commits, oldest first, over several holders.
fn control_records_keep_their_order(rig: &mut Rig) -> Outcome {
    let mut texts = Vec::new();
    for holder in 0..3_i64 {
        let ((mut log, mut sink), _) = open(rig)?;
        for step in 0..5 {
            let text = format!("{holder}.{step}");
            commit(
                &mut *log,
                &mut *sink,
                &[],
                &[(0, holder * 5 + step + 1)],
                &text,
            )?;
            texts.push(text);
        }
    }
    let (_bound, committed) = open(rig)?;
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    same_committed(&committed, &[(0, 15)], &texts)
}

/// Point 2: the latest records without a gap, back to the one asked for at least.
fn records_are_told_as_far_back_as_asked(rig: &mut Rig) -> Outcome {
    let ((mut log, mut sink), _) = open(rig)?;
    let texts: Vec<String> = (0..12).map(|number| format!("{number:02}")).collect();
    for (text, offset) in texts.iter().zip(1..) {
        commit(&mut *log, &mut *sink, &[], &[(0, offset)], text)?;
    }
    drop((log, sink));
    let ((mut log, _sink), _) = open(rig)?;
    for asked in [0_usize, 7, 11] {
        let enough = |record: &[u8]| record <= texts[asked].as_bytes();
        let found = log.committed(Scope::Whole, &enough);
        let found = found.map_err(|error| error.to_string())?;
        let told = found.control.len();
        let short = format!("asked for those from {asked} on, {told} were told");
        ensure(told >= texts.len() - asked, || short)?;
        let last: Vec<&str> = texts[texts.len() - told..]
            .iter()
            .map(String::as_str)
            .collect();
        same_committed(&found, &[(0, 12)], &last)?;
    }
    Ok(())
}

/// An offset stays what the last commit that named its partition made it.
fn an_offset_not_named_stays(rig: &mut Rig) -> Outcome {
    let ((mut log, mut sink), _) = open(rig)?;
    commit(&mut *log, &mut *sink, &[], &[(0, 1), (1, 1)], "x")?;
    commit(&mut *log, &mut *sink, &[], &[(1, 9)], "y")?;
    drop((log, sink));
    let (_bound, committed) = open(rig)?;
    same_committed(&committed, &[(0, 1), (1, 9)], &["x", "y"])
}

/// Input without output is progress too.
fn a_commit_without_outputs_counts(rig: &mut Rig) -> Outcome {
    let ((mut log, mut sink), _) = open(rig)?;
    commit(&mut *log, &mut *sink, &[], &[(0, 7)], "empty")?;
    drop((log, sink));
    let (_bound, committed) = open(rig)?;
    same_committed(&committed, &[(0, 7)], &["empty"])?;
    same_outputs(rig, &[])
}

/// Point 3 of an atomic log: what was written and flushed without commit is not there, also for the next holder.
fn uncommitted_outputs_are_unseen(rig: &mut Rig) -> Outcome {
    let ((mut log, mut sink), _) = open(rig)?;
    if !log.atomic() {
        return Ok(());
    }
    commit(&mut *log, &mut *sink, &["kept"], &[(0, 1)], "one")?;
    log.begin().map_err(|error| error.to_string())?;
    write(&mut *sink, "lost")?;
    same_outputs(rig, &["kept"])?;
    drop((log, sink));
    let (_bound, committed) = open(rig)?;
    same_committed(&committed, &[(0, 1)], &["one"])?;
    same_outputs(rig, &["kept"])
}

/// Point 4.
fn an_abort_drops_what_was_gathered(rig: &mut Rig) -> Outcome {
    let ((mut log, mut sink), _) = open(rig)?;
    log.begin().map_err(|error| error.to_string())?;
    if !log.atomic() {
        return log.abort().map_err(|error| error.to_string());
    }
    write(&mut *sink, "dropped")?;
    log.abort().map_err(|error| error.to_string())?;
    commit(&mut *log, &mut *sink, &["kept"], &[(0, 1)], "one")?;
    same_outputs(rig, &["kept"])
}

/// Point 1.
fn an_earlier_holder_is_fenced(rig: &mut Rig) -> Outcome {
    if !rig.fences() {
        return Ok(());
    }
    let ((mut old, mut old_sink), _) = open(rig)?;
    let ((mut new, mut new_sink), _) = open(rig)?;
    let refused = old.begin().and_then(|()| {
        let _ = write(&mut *old_sink, "zombie");
        old.commit(&[(0, 1)], &[(0, b"zombie".to_vec())])
    });
    ensure(matches!(refused, Err(LogError::Fenced { .. })), || {
        format!("the earlier holder got {refused:?}")
    })?;
    commit(&mut *new, &mut *new_sink, &["new"], &[(0, 1)], "new")?;
    same_outputs(rig, &["new"])
}
