//! The built binary as a process: started with arguments, watched line by line, signalled, waited for.
//!
//! The one idea: threads read the pipes and a condition variable tells whoever waits, so nothing polls and nothing
//! sleeps. The invariant: a process is ended when its handle is dropped, and only ever by the pid it was started with.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex, mpsc};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime};

/// What a finished process left.
#[derive(Clone, Debug)]
pub struct Finished {
    /// Its exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// All it wrote to standard output.
    pub stdout: String,
    /// All it wrote to standard error.
    pub stderr: String,
    /// From start to end.
    pub took: Duration,
}

impl Finished {
    /// The same, when it ended with exit code 0.
    ///
    /// # Panics
    /// When it did not, with all it wrote.
    #[must_use]
    pub fn success(self) -> Self {
        self.exited(0)
    }

    /// The same, when it ended with this exit code.
    ///
    /// # Panics
    /// When it did not, with all it wrote.
    #[must_use]
    pub fn exited(self, code: i32) -> Self {
        assert_eq!(
            self.code,
            Some(code),
            "exit code\n--- stdout\n{}\n--- stderr\n{}",
            self.stdout,
            self.stderr
        );
        self
    }
}

/// Where a line was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// A line and when it came, counted from the start of the process.
#[derive(Clone, Debug)]
pub struct Line {
    /// Where it was written.
    pub stream: Stream,
    /// Its text, without the line end.
    pub text: String,
    /// When it came.
    pub after: Duration,
}

#[derive(Debug, Default)]
struct Seen {
    lines: Vec<Line>,
    /// How many of the two pipes are at their end.
    closed: usize,
}

/// A process under test.
#[derive(Debug)]
pub struct Running {
    child: Child,
    started: Instant,
    seen: Arc<(Mutex<Seen>, Condvar)>,
    readers: Vec<JoinHandle<()>>,
}

impl Running {
    /// Starts `tollgate` with these arguments in this directory.
    ///
    /// # Panics
    /// When the binary has not been built, or not since its sources changed.
    #[must_use]
    pub fn tollgate(directory: &Path, arguments: &[&str]) -> Self {
        let mut command = Command::new(tollgate());
        command
            .args(arguments)
            .current_dir(directory)
            .env("NO_COLOR", "1");
        Self::start(command)
    }

    /// Starts any command, its output captured, its input closed.
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn start(mut command: Command) -> Self {
        let started = Instant::now();
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let seen = Arc::new((Mutex::new(Seen::default()), Condvar::new()));
        let stdout = child.stdout.take().expect("standard output is captured");
        let stderr = child.stderr.take().expect("standard error is captured");
        let readers = vec![
            reader(stdout, Stream::Stdout, started, Arc::clone(&seen)),
            reader(stderr, Stream::Stderr, started, Arc::clone(&seen)),
        ];
        Self {
            child,
            started,
            seen,
            readers,
        }
    }

    /// Waits until a line was written for which this holds (earlier ones count too) and gives it.
    ///
    /// # Panics
    /// When the process ends, or the time is over, without one.
    pub fn line(&self, deadline: Duration, holds: impl Fn(&Line) -> bool) -> Line {
        let end = Instant::now() + deadline;
        let (seen, changed) = &*self.seen;
        let (mut seen, mut next) = (seen.lock().unwrap(), 0);
        loop {
            if let Some(line) = seen.lines[next..].iter().find(|line| holds(line)) {
                return line.clone();
            }
            next = seen.lines.len();
            let left = end.saturating_duration_since(Instant::now());
            let over = seen.closed == 2 || left.is_zero();
            assert!(
                !over,
                "no such line within {deadline:?}; it wrote:\n{}",
                text(&seen.lines, None)
            );
            seen = changed.wait_timeout(seen, left).unwrap().0;
        }
    }

    /// Its pid.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends it a signal by name: `TERM`, `KILL`, `HUP`.
    pub fn signal(&self, name: &str) {
        signal(self.child.id(), name);
    }

    /// What it has written so far.
    ///
    /// # Panics
    /// When a reading thread panicked.
    #[must_use]
    pub fn lines(&self) -> Vec<Line> {
        self.seen.0.lock().unwrap().lines.clone()
    }

    /// Whether it has closed both of its pipes, which it does by ending.
    ///
    /// # Panics
    /// When a reading thread panicked.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.seen.0.lock().unwrap().closed == 2
    }

    /// Waits until it ends.
    ///
    /// # Panics
    /// When it does not end in time; it is then killed.
    #[must_use]
    pub fn wait(mut self, deadline: Duration) -> Finished {
        let ended = wait(&mut self.child, deadline);
        let took = self.started.elapsed();
        for reader in self.readers.drain(..) {
            reader.join().expect("output can be read");
        }
        let lines = self.lines();
        let status = ended.unwrap_or_else(|| {
            panic!(
                "it does not end within {deadline:?}; it wrote:\n{}",
                text(&lines, None)
            )
        });
        Finished {
            code: status.code(),
            stdout: text(&lines, Some(Stream::Stdout)),
            stderr: text(&lines, Some(Stream::Stderr)),
            took,
        }
    }

    /// SIGKILL, and gone.
    #[must_use]
    pub fn kill(self) -> Finished {
        self.signal("KILL");
        self.wait(Duration::from_secs(30))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn reader(
    pipe: impl Read + Send + 'static,
    stream: Stream,
    start: Instant,
    seen: Arc<(Mutex<Seen>, Condvar)>,
) -> JoinHandle<()> {
    thread::spawn(move || {
        let (seen, changed) = &*seen;
        for line in BufReader::new(pipe).split(b'\n') {
            let text = String::from_utf8_lossy(&line.expect("a pipe can be read")).into_owned();
            seen.lock().unwrap().lines.push(Line {
                stream,
                text,
                after: start.elapsed(),
            });
            changed.notify_all();
        }
        seen.lock().unwrap().closed += 1;
        changed.notify_all();
    })
}

fn text(lines: &[Line], stream: Option<Stream>) -> String {
    let wanted = lines
        .iter()
        .filter(|line| stream.is_none_or(|stream| stream == line.stream));
    wanted.fold(String::new(), |all, line| all + &line.text + "\n")
}

/// Runs `tollgate` to its end, at most this long.
///
/// # Panics
/// When it does not end in time.
#[must_use]
pub fn tollgate_ends(directory: &Path, arguments: &[&str], deadline: Duration) -> Finished {
    Running::tollgate(directory, arguments).wait(deadline)
}

/// Waits for a child, at most this long; one that is still there is killed, and the answer is `None`.
///
/// # Panics
/// When it cannot be waited for.
pub fn wait(child: &mut Child, deadline: Duration) -> Option<ExitStatus> {
    let pid = child.id();
    thread::scope(|scope| {
        let (sender, receiver) = mpsc::sync_channel(1);
        scope.spawn(move || sender.send(child.wait().expect("a child can be waited for")));
        let ended = receiver.recv_timeout(deadline).ok();
        if ended.is_none() {
            signal(pid, "KILL");
        }
        ended
    })
}

/// Sends a signal to a process that this test started. One that has just ended is no failure.
///
/// # Panics
/// When there is no `kill` command.
pub fn signal(pid: u32, name: &str) {
    let kill = Command::new("kill")
        .arg(format!("-{name}"))
        .arg(pid.to_string())
        .stderr(Stdio::null())
        .status();
    let _ = kill.expect("the kill command runs");
}

/// The binary this workspace builds. `cargo test --workspace` builds it, because `pipeline` has an integration test;
/// a test of another package is not told its path, but lies in the same target directory.
///
/// # Panics
/// When it is not there, or older than one of its sources.
#[must_use]
pub fn tollgate() -> PathBuf {
    let this = std::env::current_exe().expect("a test has a path");
    let target = this
        .ancestors()
        .nth(2)
        .expect("tests lie in the target directory's deps");
    let binary = target.join("tollgate");
    let built = modified(&binary)
        .unwrap_or_else(|| panic!("no {}: run cargo test --workspace", binary.display()));
    // `cargo build` lists beside the binary what it was made of; `cargo test` alone, which has just made it, does not.
    let sources = std::fs::read_to_string(target.join("tollgate.d")).unwrap_or_default();
    for source in sources
        .split_once(':')
        .map_or("", |(_, sources)| sources)
        .split_whitespace()
    {
        let newer = modified(Path::new(source)).is_some_and(|changed| changed > built);
        assert!(
            !newer,
            "{source} is newer than {}: run cargo test --workspace",
            binary.display()
        );
    }
    binary
}

fn modified(path: &Path) -> Option<SystemTime> {
    std::fs::metadata(path)
        .and_then(|found| found.modified())
        .ok()
}

/// Status and body of `http://ADDRESS/PATH`.
///
/// # Panics
/// When nothing answers there.
#[must_use]
pub fn get(address: &str, path: &str) -> (u16, String) {
    try_get(address, path).unwrap_or_else(|| panic!("nothing answers at {address}{path}"))
}

/// Status and body of `http://ADDRESS/PATH`, or nothing when nothing answers.
///
/// # Panics
/// When the body is no text.
#[must_use]
pub fn try_get(address: &str, path: &str) -> Option<(u16, String)> {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(Duration::from_secs(30)))
        .build()
        .into();
    let mut response = agent.get(format!("http://{address}{path}")).call().ok()?;
    let body = response
        .body_mut()
        .read_to_string()
        .expect("the body is text");
    Some((response.status().as_u16(), body))
}

/// A loopback address nothing listens on at this moment.
///
/// # Panics
/// When there is none.
#[must_use]
pub fn free_address() -> String {
    format!("127.0.0.1:{}", free_port())
}

/// A loopback port nothing listens on at this moment, another one each time. It is none of those that the system gives to
/// outgoing connections: one of these could take it while whoever listens there is restarted.
///
/// # Panics
/// When there is none.
#[must_use]
pub fn free_port() -> u16 {
    const FIRST: u32 = 20_000;
    const COUNT: u32 = 12_000;
    static NEXT: AtomicU32 = AtomicU32::new(0);
    // Test programs that run beside this one begin elsewhere.
    let begin = std::process::id().wrapping_mul(37);
    (0..COUNT)
        .map(|_| begin.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed)) % COUNT + FIRST)
        .map(|port| u16::try_from(port).expect("a port"))
        .find(|port| std::net::TcpListener::bind(("127.0.0.1", *port)).is_ok())
        .expect("loopback has a free port")
}

/// A directory for one test; it goes when dropped.
///
/// # Panics
/// When none can be made.
#[must_use]
pub fn scratch() -> tempfile::TempDir {
    tempfile::Builder::new()
        .prefix("tollgate-test-")
        .tempdir()
        .expect("a directory can be made")
}
