//! The site: an application with its topics and its directory, started as often as it takes.
//!
//! The invariant: at most one process of an instance is meant to run; whoever starts another one says so.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use super::Pack;
use crate::process::{self, Finished, Running};
use crate::topic;

/// How long it may take to come to a failpoint.
const DEADLINE: Duration = Duration::from_secs(240);
/// Partitions of input and decisions.
const PARTITIONS: i32 = 3;

fn make_topics(broker: &str, app: &str) {
    for (what, partitions) in [
        ("-in", PARTITIONS),
        ("-out", PARTITIONS),
        ("-alerts", 1),
        ("-dead", 1),
    ] {
        topic::create(broker, &format!("{app}{what}"), partitions);
    }
}

/// See the module.
#[derive(Debug)]
pub struct Site {
    /// Its name, with which its topics begin.
    pub app: String,
    scratch: tempfile::TempDir,
}

impl Site {
    /// Makes the topics at a broker; the application reaches it by another address, maybe.
    ///
    /// # Panics
    /// When they cannot be made.
    #[must_use]
    pub fn new(broker: &str, reached: &str, app: &str, delivery: &str, properties: &str) -> Site {
        make_topics(broker, app);
        let source = format!("properties: {{ {properties} }}");
        Site::in_scratch(reached, app, delivery, &source, Pack::TwoKeys)
    }

    /// As many instances of one application that share the partitions.
    ///
    /// # Panics
    /// When they cannot be made.
    #[must_use]
    pub fn shared(
        broker: &str,
        app: &str,
        delivery: &str,
        properties: &str,
        count: usize,
    ) -> Vec<Site> {
        make_topics(broker, app);
        let instance = |number| {
            let source = format!(
                "key: card, shared: true, instance: \"{number}\", properties: {{ {properties} }}"
            );
            Site::in_scratch(broker, app, delivery, &source, Pack::OneKey)
        };
        (0..count).map(instance).collect()
    }

    /// Another instance of an application whose topics are there, which does not share the partitions.
    ///
    /// # Panics
    /// When it cannot be made.
    #[must_use]
    pub fn another(broker: &str, app: &str, delivery: &str, instance: &str) -> Site {
        let source = format!("instance: \"{instance}\"");
        Site::in_scratch(broker, app, delivery, &source, Pack::TwoKeys)
    }

    fn in_scratch(reached: &str, app: &str, delivery: &str, source: &str, pack: Pack) -> Site {
        let scratch = process::scratch();
        let config = format!(
            "name: {app}
pack: pack.yaml
source:
  kafka: {{ brokers: \"{reached}\", topic: {app}-in, start: earliest, {source} }}
sinks:
  decisions: {{ kafka: {{ topic: {app}-out }} }}
  alerts: {{ kafka: {{ topic: {app}-alerts }} }}
  dead_letters: {{ kafka: {{ topic: {app}-dead }} }}
delivery: {{ {delivery} }}
state: {{ dir: ./state, snapshot_every: 100ms }}
"
        );
        fs::write(scratch.path().join("pack.yaml"), pack.text()).unwrap();
        fs::write(scratch.path().join("pipeline.yaml"), config).unwrap();
        Site {
            app: app.to_owned(),
            scratch,
        }
    }

    /// Starts it; `failpoint` is where it shall stop by itself.
    #[must_use]
    pub fn start(&self, failpoint: Option<&str>) -> Running {
        let mut command = self.command();
        if let Some(failpoint) = failpoint {
            command.env("TOLLGATE_FAILPOINT", failpoint);
        }
        Running::start(command)
    }

    /// Starts it and waits until it sleeps at a failpoint: its name and how often it is come by.
    ///
    /// # Panics
    /// When it never comes there.
    #[must_use]
    pub fn start_frozen(&self, failpoint: &str) -> Running {
        let running = self.start(Some(&format!("{failpoint}:freeze")));
        let _ = running.line(DEADLINE, |line| {
            line.text.contains("frozen at the failpoint")
        });
        running
    }

    /// Starts it with more arguments.
    #[must_use]
    pub fn start_with(&self, arguments: &[&str]) -> Running {
        let mut command = self.command();
        command.args(arguments);
        Running::start(command)
    }

    fn command(&self) -> Command {
        let mut command = Command::new(process::tollgate());
        command
            .args(["run", "pipeline.yaml"])
            .current_dir(self.directory())
            .env("NO_COLOR", "1")
            .env_remove("TOLLGATE_FAILPOINT");
        command
    }

    /// Removes all snapshots, so that the next start folds.
    ///
    /// # Panics
    /// When one cannot be removed.
    pub fn remove_snapshots(&self) {
        let all = self.snapshots();
        all.iter().for_each(|file| fs::remove_file(file).unwrap());
    }

    /// Asks a process to stop and waits until it has.
    ///
    /// # Panics
    /// When it does not, or says that something is wrong.
    pub fn stop(&self, running: Running) -> Finished {
        running.signal("TERM");
        running.wait(Duration::from_secs(120)).success()
    }

    /// Waits until the application has committed all there is.
    ///
    /// # Panics
    /// When it has not within the deadline.
    pub fn caught_up(&self, broker: &str, deadline: Duration) {
        let input = format!("{}-in", self.app);
        topic::until(deadline, || {
            let ends = topic::end_offsets(broker, &input);
            let committed = topic::committed(broker, &self.app, &input);
            ends.iter()
                .zip(committed)
                .all(|(end, at)| at.unwrap_or(0) == *end)
        });
    }

    /// What `tollgate audit` finds.
    #[must_use]
    pub fn audit(&self) -> Finished {
        let arguments = ["audit", "pipeline.yaml"];
        process::tollgate_ends(self.scratch.path(), &arguments, Duration::from_secs(240))
    }

    /// Has it keep its state otherwise: what stands behind `state:` from its next start on.
    ///
    /// # Panics
    /// When the configuration cannot be written.
    pub fn keep_state(&self, state: &str) {
        let path = self.directory().join("pipeline.yaml");
        let config = fs::read_to_string(&path).unwrap();
        let (before, _) = config.split_once("state:").unwrap();
        fs::write(path, format!("{before}state: {state}\n")).unwrap();
    }

    /// Where its snapshots are.
    #[must_use]
    pub fn snapshot_directory(&self) -> PathBuf {
        let state = self.directory().join("state");
        state.join(&self.app).join("snapshots")
    }

    /// Its snapshots, the newest last.
    ///
    /// # Panics
    /// When the directory cannot be read.
    #[must_use]
    pub fn snapshots(&self) -> Vec<PathBuf> {
        let directory = self
            .directory()
            .join("state")
            .join(&self.app)
            .join("snapshots");
        let Ok(entries) = fs::read_dir(directory) else {
            return Vec::new();
        };
        let files = entries.map(|entry| entry.unwrap().path());
        let mut files: Vec<PathBuf> = files
            .filter(|file| file.extension().is_some_and(|end| end == "snapshot"))
            .collect();
        files.sort();
        files
    }

    /// The directory it runs in.
    #[must_use]
    pub fn directory(&self) -> PathBuf {
        self.scratch.path().to_owned()
    }
}
