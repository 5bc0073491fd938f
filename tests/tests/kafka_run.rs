//! All Handbook transactions through a real broker: one decision each, the same as from the file, through twenty kills.
//!
//! The transactions are produced by card into four partitions *before* a run starts, so partitions are read at their
//! own speeds and only the merge by event time keeps the windows of terminals right. Two cards at one terminal in one
//! second have no order between partitions: those rows are listed, and no other may differ.
//! The data is simulated (Fraud Detection Handbook).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests"
)]

use std::collections::{BTreeSet, HashMap, HashSet};
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;
use std::time::Duration;

use tests::broker::Broker;
use tests::crash::Rare;
use tests::decisions::{self, Decision};
use tests::handbook::{self, Transaction};
use tests::process::{self, Running};
use tests::topic::{self, Reader, Record};
use tests::{data, place};

const DEADLINE: Duration = Duration::from_secs(1200);
/// Longest silence of the decisions topic: without a snapshot a restart folds the whole log before it decides.
const SILENCE: Duration = Duration::from_secs(600);

/// How often it is killed.
const KILLS: usize = 20;

/// What was decided, by event: the hash of what the decision says.
type Decided = HashMap<i64, u64>;

fn hash(said: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    said.hash(&mut hasher);
    hasher.finish()
}

fn write_config(directory: &Path, source: &str, decisions: &str, delivery: &str) {
    let pack = place::root().join("rules/packs/handbook");
    let config = format!(
        "name: {}\npack: {}\nsource: {source}\nsinks: {{ decisions: {decisions} }}\nstate: {{ dir: ./state, snapshot_every: 1s }}\n\
         delivery: {delivery}\n",
        directory.file_name().unwrap().to_string_lossy(),
        pack.display()
    );
    fs::create_dir_all(directory).unwrap();
    fs::write(directory.join("pipeline.yaml"), config).unwrap();
}

fn from_the_file(directory: &Path, transactions: &Path) -> Decided {
    write_config(
        directory,
        &format!("{{ file: {{ path: {} }} }}", transactions.display()),
        "{ file: { path: out.ndjson } }",
        "at_least_once",
    );
    let done = process::tollgate_ends(directory, &["run", "pipeline.yaml"], DEADLINE).success();
    println!("from the file: {:?}", done.took);
    let mut decided = Decided::new();
    decisions::each(&directory.join("out.ndjson"), |decision| {
        let before = decided.insert(decision.event_id.parse().unwrap(), hash(&decision.said));
        assert_eq!(before, None, "{} is decided twice", decision.event_id);
    });
    decided
}

/// Follows the topic of decisions; a repeat must be the same decision.
struct Follower {
    reader: Reader,
    decided: Decided,
    ids: HashSet<String>,
    repeats: usize,
}

impl Follower {
    fn new(address: &str, topic: &str) -> Self {
        Self {
            reader: Reader::new(address, topic),
            decided: Decided::new(),
            ids: HashSet::new(),
            repeats: 0,
        }
    }

    fn until(&mut self, events: usize) {
        while self.decided.len() < events {
            let message = self.reader.next(SILENCE);
            self.take(&decisions::parse(
                message.value.as_deref().expect("a decision has a value"),
            ));
        }
    }

    fn take(&mut self, decision: &Decision) {
        let (id, said) = (decision.event_id.parse().unwrap(), hash(&decision.said));
        match self.decided.insert(id, said) {
            None => assert!(
                self.ids.insert(decision.decision_id.clone()),
                "one id for two events"
            ),
            Some(before) => {
                self.repeats += 1;
                assert!(
                    self.ids.contains(&decision.decision_id),
                    "a repeat of {id} has another id"
                );
                assert_eq!(
                    before, said,
                    "a repeat of {id} says something else: {}",
                    decision.said
                );
            }
        }
    }
}

fn run(directory: &Path) -> Running {
    Running::tollgate(directory, &["run", "pipeline.yaml"])
}

/// SIGTERM, exit code 0, and the last line it wrote.
fn stop(running: Running) -> String {
    running.signal("TERM");
    let done = running.wait(Duration::from_secs(120)).success();
    let last = done.stderr.lines().next_back();
    last.expect("a run says what it came to").to_owned()
}

/// How many events a run says on its last line it folded again before it decided; it says nothing of none.
fn refolded(last: &str) -> u64 {
    let Some(before) = last.strip_suffix(" events folded again first") else {
        return 0;
    };
    let count = before.rsplit(' ').next().and_then(|n| n.parse().ok());
    count.unwrap_or_else(|| panic!("no count in {last:?}"))
}

/// Rows where the two differ; all of them must be ties.
#[track_caller]
fn compare(found: &Decided, expected: &Decided, ties: &BTreeSet<i64>, what: &str) {
    assert_eq!(
        found.len(),
        expected.len(),
        "{what}: one decision per transaction"
    );
    let mut other: Vec<i64> = expected
        .iter()
        .filter(|(id, said)| found.get(id) != Some(said))
        .map(|(id, _)| *id)
        .collect();
    other.sort_unstable();
    let beyond: Vec<_> = other
        .iter()
        .filter(|id| !ties.contains(id))
        .take(20)
        .collect();
    assert!(
        beyond.is_empty(),
        "{what}: {} decisions differ, these are no ties: {beyond:?}",
        other.len()
    );
    println!(
        "{what}: {} of {} ties differ from the file's order: {other:?}",
        other.len(),
        ties.len()
    );
}

#[test]
fn all_transactions_by_card_in_four_partitions_decide_as_from_the_file() {
    let Some(path) = data::file(data::TRANSACTIONS) else {
        return;
    };
    let Some(broker) = Broker::shared() else {
        return;
    };
    let address = broker.address();
    let transactions = handbook::transactions(&path);
    let ties = handbook::terminal_ties(&transactions);
    println!(
        "{} transactions share terminal and second with one of another card: {ties:?}",
        ties.len()
    );
    topic::create(&address, "swipes", 4);
    let record = |transaction: &Transaction| Record {
        key: Some(transaction.customer.to_string().into_bytes()),
        value: Some(transaction.json().into_bytes()),
        ..Record::default()
    };
    topic::produce(&address, "swipes", transactions.iter().map(record));
    let produced = topic::end_offsets(&address, "swipes");
    assert!(
        produced.iter().all(|end| *end > 0),
        "four partitions: {produced:?}"
    );
    assert_eq!(
        produced.iter().sum::<i64>(),
        i64::try_from(transactions.len()).unwrap()
    );

    let scratch = process::scratch();
    let expected = from_the_file(&scratch.path().join("handbook-file"), &path);
    assert_eq!(expected.len(), transactions.len());
    let source = format!(
        "{{ kafka: {{ brokers: \"{address}\", topic: swipes, start: earliest, format: json }} }}"
    );
    let sink = |topic: &str| format!("{{ kafka: {{ topic: {topic} }} }}");

    // Undisturbed, outside transactions: one decision per transaction and none twice.
    topic::create(&address, "decisions-a", 4);
    let directory = scratch.path().join("handbook-a");
    write_config(&directory, &source, &sink("decisions-a"), "at_least_once");
    let mut follower = Follower::new(&address, "decisions-a");
    let running = run(&directory);
    follower.until(transactions.len());
    assert_eq!(
        refolded(&stop(running)),
        0,
        "nothing was there to fold again"
    );
    assert_eq!(
        topic::end_offsets(&address, "decisions-a")
            .iter()
            .sum::<i64>(),
        i64::try_from(expected.len()).unwrap(),
        "none twice"
    );
    compare(&follower.decided, &expected, &ties, "undisturbed");

    // Killed twenty times on the way, exactly once.
    topic::create(&address, "decisions-b", 4);
    let directory = scratch.path().join("handbook-b");
    write_config(&directory, &source, &sink("decisions-b"), "exactly_once");
    let (mut killed, mut rare) = (Follower::new(&address, "decisions-b"), Rare::default());
    for kill in 1..=KILLS {
        let running = run(&directory);
        killed.until(transactions.len() * kill / (KILLS + 1));
        rare.read(&running.kill());
        rare.did("SIGKILL");
    }
    let running = run(&directory);
    killed.until(transactions.len());
    running.signal("TERM");
    rare.read(&running.wait(Duration::from_secs(120)).success());
    println!("killed: {rare}");
    assert_eq!(killed.repeats, 0, "exactly once");
    compare(&killed.decided, &expected, &ties, "killed");
    compare(
        &killed.decided,
        &follower.decided,
        &ties,
        "killed and undisturbed",
    );
    let missing = rare.missing(&["replayed", "snapshot_kept", "snapshot_restored"]);
    assert!(missing.is_empty(), "the run is invalid: {rare}");
}
