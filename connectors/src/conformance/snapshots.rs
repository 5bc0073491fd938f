//! What every [`SnapshotStore`] must do, as checks over a [`SnapshotRig`]; the numbers in the docs are the points of the
//! contract in [`crate::snapshots`].

use std::io::{Read, Write};

use super::{Check, Outcome, ensure};
use crate::snapshots::{SnapshotError, SnapshotReader, SnapshotStore, SnapshotWriter, section};

/// How the suite handles one kind of store.
pub trait SnapshotRig {
    /// Opens the store (again, over what it already holds).
    ///
    /// # Errors
    /// In words, when it cannot.
    fn open(&mut self) -> Result<Box<dyn SnapshotStore>, String>;

    /// How many unfinished files, uploads and the like there are, when it can be told.
    ///
    /// # Errors
    /// In words, when it cannot be seen.
    fn unfinished(&mut self) -> Result<Option<usize>, String> {
        Ok(None)
    }
}

/// Any rig, owning what it uses.
pub type Rig = dyn SnapshotRig;

/// Every check.
pub const ALL: &[Check<Rig>] = &[
    Check {
        name: "a_new_store_is_empty",
        run: a_new_store_is_empty,
    },
    Check {
        name: "names_come_in_order",
        run: names_come_in_order,
    },
    Check {
        name: "bytes_come_back",
        run: bytes_come_back,
    },
    Check {
        name: "a_large_one_comes_back",
        run: a_large_one_comes_back,
    },
    Check {
        name: "an_unfinished_one_is_unseen",
        run: an_unfinished_one_is_unseen,
    },
    Check {
        name: "a_dropped_writer_leaves_nothing",
        run: a_dropped_writer_leaves_nothing,
    },
    Check {
        name: "the_same_name_is_replaced_whole",
        run: the_same_name_is_replaced_whole,
    },
    Check {
        name: "several_threads_read_ranges",
        run: several_threads_read_ranges,
    },
    Check {
        name: "a_section_is_its_range",
        run: a_section_is_its_range,
    },
    Check {
        name: "beyond_the_end_is_refused",
        run: beyond_the_end_is_refused,
    },
    Check {
        name: "a_removed_one_is_gone",
        run: a_removed_one_is_gone,
    },
    Check {
        name: "what_is_no_name_is_refused",
        run: what_is_no_name_is_refused,
    },
];

/// More than a round of parts of any store, and no multiple of anything.
const LARGE: usize = (40 << 20) + 12_345;

fn told<T>(result: Result<T, SnapshotError>) -> Result<T, String> {
    result.map_err(|error| error.to_string())
}

/// Bytes that tell their place and their snapshot.
fn bytes(seed: u8, length: usize) -> Vec<u8> {
    let mixed = |at: usize| at.wrapping_mul(0x9E37_79B9).rotate_right(11).to_le_bytes();
    (0..length)
        .map(|at| {
            mixed(at)
                .iter()
                .fold(seed, |sum, byte| sum.wrapping_add(*byte))
        })
        .collect()
}

fn begin(
    store: &dyn SnapshotStore,
    name: &str,
    content: &[u8],
) -> Result<Box<dyn SnapshotWriter>, String> {
    let mut writer = told(store.create(name))?;
    // Pieces of a size that divides nothing, as an encoder would write them.
    for piece in content.chunks(1_000_003) {
        writer.write_all(piece).map_err(|error| error.to_string())?;
    }
    Ok(writer)
}

fn write(store: &dyn SnapshotStore, name: &str, content: &[u8]) -> Outcome {
    told(begin(store, name, content)?.finish())
}

fn read(reader: &dyn SnapshotReader) -> Result<Vec<u8>, String> {
    let mut content = Vec::new();
    let read = section(reader, 0, reader.length()).read_to_end(&mut content);
    read.map(|_| content).map_err(|error| error.to_string())
}

fn holds(store: &dyn SnapshotStore, name: &str, content: &[u8]) -> Outcome {
    let reader = told(store.open(name))?;
    ensure(reader.length() == content.len() as u64, || {
        format!(
            "{name} has {} bytes instead of {}",
            reader.length(),
            content.len()
        )
    })?;
    let found = read(&*reader)?;
    ensure(found == content, || {
        format!("{name} has other bytes than were written")
    })
}

fn lists(store: &dyn SnapshotStore, wanted: &[&str]) -> Outcome {
    let found = told(store.list())?;
    ensure(found == wanted, || {
        format!("expected {wanted:?}, listed {found:?}")
    })
}

fn missing(store: &dyn SnapshotStore, name: &str) -> Outcome {
    let opened = store.open(name).map(|reader| reader.length());
    ensure(matches!(opened, Err(SnapshotError::Missing { .. })), || {
        format!("opening {name}, which is not there, gave {opened:?}")
    })
}

/// Point 1: before the first snapshot there is none.
fn a_new_store_is_empty(rig: &mut Rig) -> Outcome {
    let store = rig.open()?;
    lists(&*store, &[])?;
    missing(&*store, "0")
}

/// Point 1, over more names than a page of a list may have, and over several openings.
fn names_come_in_order(rig: &mut Rig) -> Outcome {
    let numbers = [11, 3, 9, 1, 7, 5, 10, 2, 8, 4, 6];
    let name = |number: u64| format!("{number:020}-{:032x}", number.wrapping_mul(u64::MAX / 3));
    for number in numbers {
        write(&*rig.open()?, &name(number), &number.to_le_bytes())?;
    }
    let names: Vec<String> = (1..=11).map(name).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let store = rig.open()?;
    lists(&*store, &names)?;
    let middle = names.get(4).copied().unwrap_or_default();
    holds(&*store, middle, &5_u64.to_le_bytes())
}

/// Points 2 and 4, for those that fit into one piece, and for none at all.
fn bytes_come_back(rig: &mut Rig) -> Outcome {
    let store = rig.open()?;
    for (name, length) in [("empty", 0), ("one", 1), ("some", 300_007)] {
        write(&*store, name, &bytes(1, length))?;
        holds(&*store, name, &bytes(1, length))?;
    }
    lists(&*rig.open()?, &["empty", "one", "some"])
}

/// Points 2 and 4, in several parts.
fn a_large_one_comes_back(rig: &mut Rig) -> Outcome {
    let content = bytes(2, LARGE);
    write(&*rig.open()?, "large", &content)?;
    let store = rig.open()?;
    lists(&*store, &["large"])?;
    holds(&*store, "large", &content)
}

/// Point 2.
fn an_unfinished_one_is_unseen(rig: &mut Rig) -> Outcome {
    let store = rig.open()?;
    let (small, large) = (bytes(3, 10), bytes(3, LARGE));
    let small_one = begin(&*store, "small", &small)?;
    let large_one = begin(&*store, "large", &large)?;
    lists(&*store, &[])?;
    missing(&*store, "small")?;
    missing(&*store, "large")?;
    told(large_one.finish())?;
    lists(&*store, &["large"])?;
    told(small_one.finish())?;
    lists(&*store, &["large", "small"])?;
    holds(&*store, "large", &large)
}

/// Point 2.
fn a_dropped_writer_leaves_nothing(rig: &mut Rig) -> Outcome {
    let store = rig.open()?;
    drop(begin(&*store, "small", &bytes(4, 10))?);
    drop(begin(&*store, "large", &bytes(4, LARGE))?);
    lists(&*store, &[])?;
    let left = rig.unfinished()?.unwrap_or_default();
    ensure(left == 0, || format!("{left} unfinished ones were left"))?;
    // The name is free for another.
    write(&*store, "large", b"another")?;
    holds(&*store, "large", b"another")
}

/// Point 3.
fn the_same_name_is_replaced_whole(rig: &mut Rig) -> Outcome {
    let store = rig.open()?;
    let (old, new) = (bytes(5, 200_000), bytes(6, 200_000));
    write(&*store, "name", &old)?;
    let reader = told(store.open("name"))?;
    let writer = begin(&*store, "name", &new)?;
    holds(&*store, "name", &old)?;
    told(writer.finish())?;
    lists(&*store, &["name"])?;
    holds(&*store, "name", &new)?;
    let seen = read(&*reader);
    ensure(seen.is_err() || seen.is_ok_and(|seen| seen == old), || {
        "a reader of the old one saw bytes of the new one".to_owned()
    })
}

/// Point 4.
fn several_threads_read_ranges(rig: &mut Rig) -> Outcome {
    let store = rig.open()?;
    let content = bytes(7, 1_000_000);
    write(&*store, "shared", &content)?;
    let reader = told(store.open("shared"))?;
    let (reader, content) = (&*reader, &content);
    std::thread::scope(|threads| {
        let each = |first: usize| {
            move || {
                for at in (first..content.len()).step_by(250_000) {
                    let wanted = content.get(at..).unwrap_or_default();
                    let wanted = wanted.get(..100_000).unwrap_or(wanted);
                    let mut found = vec![0; wanted.len()];
                    told(reader.read_at(at as u64, &mut found))?;
                    ensure(found == wanted, || format!("other bytes from {at} on"))?;
                }
                Ok(())
            }
        };
        let threads: Vec<_> = (0..8)
            .map(|first| threads.spawn(each(first * 31_000)))
            .collect();
        let ended = |thread: std::thread::ScopedJoinHandle<'_, Outcome>| {
            thread
                .join()
                .unwrap_or_else(|_| Err("a thread panicked".to_owned()))
        };
        threads.into_iter().try_for_each(ended)
    })
}

/// Point 4, as a stream.
fn a_section_is_its_range(rig: &mut Rig) -> Outcome {
    let store = rig.open()?;
    let content = bytes(8, 9_000_000);
    write(&*store, "long", &content)?;
    let reader = told(store.open("long"))?;
    for (at, length) in [
        (0, 0),
        (0, 10),
        (123_456, 8_500_000),
        (8_999_999, 1),
        (9_000_000, 0),
    ] {
        let mut found = Vec::new();
        let read = section(&*reader, at as u64, length as u64).read_to_end(&mut found);
        read.map_err(|error| error.to_string())?;
        ensure(content.get(at..at + length) == Some(&found), || {
            format!("the section of {length} from {at} on has other bytes")
        })?;
    }
    let beyond = section(&*reader, 8_999_999, 2).read_to_end(&mut Vec::new());
    ensure(beyond.is_err(), || {
        "a section that ends beyond the end was read".to_owned()
    })
}

/// Point 4.
fn beyond_the_end_is_refused(rig: &mut Rig) -> Outcome {
    let store = rig.open()?;
    write(&*store, "short", b"0123456789")?;
    let reader = told(store.open("short"))?;
    told(reader.read_at(10, &mut []))?;
    for (at, length) in [(0, 11), (10, 1), (11, 0), (u64::MAX, 2)] {
        let read = reader.read_at(at, &mut vec![0; length]);
        ensure(matches!(read, Err(SnapshotError::Beyond { .. })), || {
            format!("{length} bytes from {at} on of 10 gave {read:?}")
        })?;
    }
    Ok(())
}

/// Point 5.
fn a_removed_one_is_gone(rig: &mut Rig) -> Outcome {
    let store = rig.open()?;
    write(&*store, "a", b"a")?;
    write(&*store, "b", b"b")?;
    told(store.remove("a"))?;
    lists(&*store, &["b"])?;
    missing(&*store, "a")?;
    told(store.remove("a"))?;
    lists(&*rig.open()?, &["b"])?;
    holds(&*store, "b", b"b")
}

/// What is no name is no path either.
fn what_is_no_name_is_refused(rig: &mut Rig) -> Outcome {
    let store = rig.open()?;
    let long = "x".repeat(201);
    for wrong in [
        "",
        ".",
        "..",
        "../a",
        "a/b",
        "A",
        "a_b",
        "a b",
        "a.snapshot",
        "é",
        "a\0",
        &long,
    ] {
        let refused = [
            store.create(wrong).map(|_| ()),
            store.open(wrong).map(|_| ()),
            store.remove(wrong),
        ];
        let is_refused =
            |result: &Result<(), SnapshotError>| matches!(result, Err(SnapshotError::Name { .. }));
        ensure(refused.iter().all(is_refused), || {
            format!("{wrong:?} gave {refused:?}")
        })?;
    }
    let longest = "x".repeat(200);
    write(&*store, &longest, b"")?;
    lists(&*store, &[&longest])
}
