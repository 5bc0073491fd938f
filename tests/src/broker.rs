//! A real Apache Kafka 4.1.1 on loopback: one JVM, KRaft, broker and controller in one.
//!
//! The one idea: nothing that imitates Kafka does its transactions, groups and retention as it does, so tests use the
//! thing itself; it starts in about two seconds. The invariant: it dies with the test process, also when that is
//! killed: a shell holds the reading end of a pipe and ends the JVM, by its pid, when the pipe closes.
//! Clients (topics, producing, reading back) are in [`crate::topic`].

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::proxy::Proxy;
use crate::{place, process, topic};

/// A loaded machine has been seen to take a minute.
const START_DEADLINE: Duration = Duration::from_secs(240);

/// Fixed, because it only has to be a valid cluster id.
const CLUSTER_ID: &str = "dG9sbGdhdGUtdGVzdHMtMQ";

/// A broker that this process started.
#[derive(Debug)]
pub struct Broker {
    port: u16,
    jars: PathBuf,
    running: Mutex<Option<Jvm>>,
    /// Last, so that it goes after the JVM.
    directory: TempDir,
}

/// The JVM and the shell that ends it when this process goes.
#[derive(Debug)]
struct Jvm {
    java: Child,
    watcher: Child,
}

impl Drop for Jvm {
    fn drop(&mut self) {
        // The watcher first: once the JVM is reaped its pid may be someone else's.
        let _ = self.watcher.kill();
        let _ = self.watcher.wait();
        let _ = self.java.kill();
        let _ = self.java.wait();
    }
}

impl Broker {
    /// Starts one with empty topics, or says why not and gives `None`.
    ///
    /// # Panics
    /// When it does not answer in time, and under `CI=true` also when it cannot be had.
    #[must_use]
    pub fn start() -> Option<Self> {
        Self::start_with(None)
    }

    /// The same with a second way to it, that leads through a proxy: clients who begin there are sent there for all they
    /// want, while the broker itself and the test go straight.
    ///
    /// # Panics
    /// As [`Broker::start`].
    #[must_use]
    pub fn behind_a_proxy() -> Option<(Self, Proxy)> {
        let listener = SocketAddr::from(([127, 0, 0, 1], process::free_port()));
        let proxy = Proxy::start(listener, SocketAddr::from(([127, 0, 0, 1], 0)));
        let second = (listener.port(), proxy.address().port());
        Some((Self::start_with(Some(second))?, proxy))
    }

    /// `second`: the port of a second listener, and the one clients are told of.
    fn start_with(second: Option<(u16, u16)>) -> Option<Self> {
        let jars = match jars() {
            Ok(jars) => jars,
            Err(why) => {
                place::skipped(&format!("no broker ({why})"));
                return None;
            }
        };
        let directory = tempfile::Builder::new()
            .prefix("tollgate-kafka-")
            .tempdir()
            .unwrap();
        let (port, controller) = (process::free_port(), process::free_port());
        let settings = settings(port, controller, second, &directory.path().join("data"));
        fs::write(directory.path().join("server.properties"), settings).unwrap();
        let broker = Self {
            port,
            jars,
            running: Mutex::new(None),
            directory,
        };
        broker.format();
        broker.restart();
        Some(broker)
    }

    /// The one that all tests of this binary share; they keep apart by the names of their topics and groups.
    ///
    /// # Panics
    /// As [`Broker::start`].
    #[must_use]
    pub fn shared() -> Option<&'static Self> {
        static SHARED: OnceLock<Option<Broker>> = OnceLock::new();
        SHARED.get_or_init(Self::start).as_ref()
    }

    /// `127.0.0.1:port`, for `bootstrap.servers`.
    #[must_use]
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Ends it with SIGTERM and waits until it is gone: what an orderly stop of a broker is.
    ///
    /// # Panics
    /// When it is not gone within a minute.
    pub fn stop(&self) {
        if let Some(mut jvm) = self.running.lock().unwrap().take() {
            process::signal(jvm.java.id(), "TERM");
            let ended = process::wait(&mut jvm.java, Duration::from_secs(60));
            assert!(ended.is_some(), "the broker does not stop\n{}", self.log());
        }
    }

    /// Ends it with SIGKILL.
    ///
    /// # Panics
    /// When another thread panicked while it held the broker.
    pub fn kill(&self) {
        drop(self.running.lock().unwrap().take());
    }

    /// Starts it on the data it had, unless it runs, and waits until it answers.
    ///
    /// # Panics
    /// When it does not answer in time.
    pub fn restart(&self) {
        let mut running = self.running.lock().unwrap();
        if running.is_some() {
            return;
        }
        let mut jvm = self.spawn();
        let deadline = Instant::now() + START_DEADLINE;
        while !topic::answers(&self.address()) {
            let ended = jvm.java.try_wait().unwrap();
            assert!(
                ended.is_none(),
                "the broker ended with {ended:?}\n{}",
                self.log()
            );
            assert!(
                Instant::now() < deadline,
                "the broker does not answer\n{}",
                self.log()
            );
        }
        *running = Some(jvm);
    }

    /// Changes one byte of what it has on disk: the first of `needle` in the first segment of a partition.
    ///
    /// # Panics
    /// When that is not there.
    pub fn damage(&self, topic: &str, partition: u32, needle: &[u8]) {
        let folder = self
            .directory
            .path()
            .join(format!("data/{topic}-{partition}"));
        let log = folder.join("00000000000000000000.log");
        let bytes = fs::read(&log).unwrap();
        let at = bytes
            .windows(needle.len())
            .position(|window| window == needle)
            .expect("the record is on disk");
        let changed = bytes[at] ^ 0x20;
        let file = File::options().write(true).open(&log).unwrap();
        std::os::unix::fs::FileExt::write_all_at(&file, &[changed], at as u64).unwrap();
    }

    /// The end of what the broker has logged.
    ///
    /// # Panics
    /// Never: an unreadable log is an empty one.
    #[must_use]
    pub fn log(&self) -> String {
        let text = fs::read(self.directory.path().join("log")).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<&str> = text.lines().collect();
        lines
            .get(lines.len().saturating_sub(60)..)
            .unwrap_or_default()
            .join("\n")
    }

    fn java(&self) -> Command {
        let mut java = Command::new("java");
        // C1 and the serial collector start fastest and are enough for anything but latency figures.
        java.args([
            "-Xmx256m",
            "-XX:TieredStopAtLevel=1",
            "-XX:+UseSerialGC",
            "-cp",
        ])
        .arg(self.jars.join("*"))
        .arg(format!(
            "-Dlog4j2.configurationFile={}",
            place::root().join("tests/kafka/log4j2.xml").display()
        ))
        .current_dir(self.directory.path())
        .stdin(Stdio::null());
        java
    }

    fn format(&self) {
        let done = self
            .java()
            .args([
                "kafka.tools.StorageTool",
                "format",
                "-t",
                CLUSTER_ID,
                "-c",
                "server.properties",
            ])
            .output()
            .expect("java runs");
        assert!(
            done.status.success(),
            "the broker's storage cannot be formatted: {}",
            text_of(&done.stderr)
        );
    }

    fn spawn(&self) -> Jvm {
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.directory.path().join("log"))
            .unwrap();
        let java = self
            .java()
            .args(["kafka.Kafka", "server.properties"])
            .stderr(log.try_clone().unwrap())
            .stdout(log)
            .spawn()
            .expect("java runs");
        let watcher = Command::new("sh")
            .args([
                "-c",
                "read -r _; kill -9 \"$1\"; rm -rf \"$2\" || { sleep 1; rm -rf \"$2\"; }",
                "sh",
            ])
            .arg(java.id().to_string())
            .arg(self.directory.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("sh runs");
        Jvm { java, watcher }
    }
}

/// The jars, fetched from Maven Central on first use.
fn jars() -> Result<PathBuf, String> {
    let java = Command::new("java").arg("-version").output();
    if !java.is_ok_and(|done| done.status.success()) {
        return Err("java is not installed".to_owned());
    }
    let libs = place::cache().join("kafka/libs");
    let done = Command::new("bash")
        .arg(place::root().join("tests/kafka/fetch"))
        .arg(&libs)
        .output()
        .map_err(|error| format!("bash: {error}"))?;
    if done.status.success() {
        Ok(libs)
    } else {
        Err(format!("jars missing: {}", text_of(&done.stderr)))
    }
}

fn text_of(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).trim().to_owned()
}

/// A single node that holds everything once, and notices within a second that its former self has died.
fn settings(port: u16, controller: u16, second: Option<(u16, u16)>, data: &Path) -> String {
    let of = |port: u16| format!(",PROXIED://127.0.0.1:{port}");
    let (listener, advertised) =
        second.map_or_else(Default::default, |(port, told)| (of(port), of(told)));
    format!(
        "process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}{listener}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}{advertised}
inter.broker.listener.name=PLAINTEXT
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,PROXIED:PLAINTEXT
log.dirs={}
auto.create.topics.enable=false
num.partitions=1
min.insync.replicas=1
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=500
broker.session.timeout.ms=1000
broker.heartbeat.interval.ms=200
log.cleaner.dedupe.buffer.size=2097152
transaction.abort.timed.out.transaction.cleanup.interval.ms=500
",
        data.display()
    )
}
