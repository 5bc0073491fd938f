//! The crew: threads that do, beside the worker, what of its work can be done side by side.
//!
//! The idea: a job owns all it works on (shards of the state with their rows, a batch with a decoder, a stretch of a
//! step to be written as JSON), so threads share nothing but two queues: jobs out, results back. What the worker waits
//! for comes first and the worker does its share of it; batches are decoded ahead when nothing else is to be done. The
//! invariant: no result depends on who did a job or when; with one worker there is no thread, no queue and no lock. A
//! thread that breaks says so in its place, and the run ends with its name; where panics abort, as in a release build, the
//! process ends at once, after the panic's own message.

mod job;
#[cfg(test)]
mod tests;

use std::any::Any;
use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use connectors::record::OutRecord;
use rules::evaluate::exchange::{Hands, Lost, Task};

pub use self::job::{Decoded, Decoding, Rendering};
use self::job::{Done, Job};

/// Most workers a run may have.
pub const WORKERS_MAX: u16 = 64;

/// Results that may wait for the worker. It takes them whenever it waits for one, so the bound holds nobody up for long.
const RESULTS_MAX: usize = 256;

/// See the module.
pub struct Crew {
    board: Arc<Board>,
    /// None once the crew is being let go.
    results: Option<Receiver<Done>>,
    threads: Vec<JoinHandle<()>>,
    /// Tasks given and not yet back.
    away: usize,
    tasks: Vec<Task>,
    decoded: BTreeMap<u64, Decoded>,
    rendered: BTreeMap<usize, Vec<OutRecord>>,
    tickets: u64,
}

/// The jobs nobody has begun.
#[derive(Default)]
struct Board {
    jobs: Mutex<Jobs>,
    wake: Condvar,
}

#[derive(Default)]
struct Jobs {
    /// What the worker waits for.
    urgent: VecDeque<Job>,
    /// What it will want later.
    ahead: VecDeque<Job>,
    ended: bool,
}

impl Crew {
    /// A crew of so many workers, the caller among them.
    ///
    /// # Errors
    /// When a thread cannot be started.
    pub fn new(workers: u16) -> io::Result<Crew> {
        let board = Arc::new(Board::default());
        let (sender, results) = sync_channel(RESULTS_MAX);
        let mut crew = Crew {
            board: Arc::clone(&board),
            results: Some(results),
            threads: Vec::new(),
            away: 0,
            tasks: Vec::new(),
            decoded: BTreeMap::new(),
            rendered: BTreeMap::new(),
            tickets: 0,
        };
        for number in 2..=workers {
            let (board, sender) = (Arc::clone(&board), sender.clone());
            let name = format!("worker-{number}");
            let thread = std::thread::Builder::new().name(name.clone());
            let work = move || work(&board, &sender, &name);
            crew.threads.push(thread.spawn(work)?);
        }
        Ok(crew)
    }

    /// Whether there is nobody but the caller.
    #[must_use]
    pub fn is_alone(&self) -> bool {
        self.threads.is_empty()
    }

    /// Has a batch decoded when somebody has time; the ticket is for [`Crew::decoded`].
    pub fn decode(&mut self, decoding: Decoding) -> u64 {
        self.tickets += 1;
        let job = Job::Decode(self.tickets, Box::new(decoding));
        self.board.lock().ahead.push_back(job);
        self.board.wake.notify_one();
        self.tickets
    }

    /// What became of a batch; with `wait` not before it is there.
    ///
    /// # Errors
    /// [`Lost`] when a thread broke.
    pub fn decoded(&mut self, ticket: u64, wait: bool) -> Result<Option<Decoded>, Lost> {
        while let Some(done) = self.results.as_ref().and_then(|r| r.try_recv().ok()) {
            self.note(done)?;
        }
        while wait && !self.decoded.contains_key(&ticket) {
            let waiting = self.board.lock().ahead.pop_front();
            match waiting {
                Some(job) => self.note(job.run())?,
                None => self.wait()?,
            }
        }
        Ok(self.decoded.remove(&ticket))
    }

    /// Has decisions written, and gives the records of all parts, one part behind the other.
    ///
    /// # Errors
    /// [`Lost`] when a thread broke.
    pub fn render(&mut self, parts: Vec<Rendering>) -> Result<Vec<OutRecord>, Lost> {
        let count = parts.len();
        for (number, part) in parts.into_iter().enumerate() {
            self.post(Job::Render(number, part));
        }
        while self.rendered.len() < count {
            self.help()?;
        }
        let parts = std::mem::take(&mut self.rendered).into_values();
        Ok(parts.flatten().collect())
    }

    fn post(&mut self, job: Job) {
        self.board.lock().urgent.push_back(job);
        self.board.wake.notify_one();
    }

    /// Does one of the jobs that are waited for, or waits for somebody who does.
    fn help(&mut self) -> Result<(), Lost> {
        let job = self.board.lock().urgent.pop_front();
        match job {
            Some(job) => self.note(job.run()),
            None => self.wait(),
        }
    }

    fn wait(&mut self) -> Result<(), Lost> {
        let done = self.results.as_ref().and_then(|r| r.recv().ok());
        match done {
            Some(done) => self.note(done),
            // Nobody is left who could do it.
            None => Err(Lost {
                worker: "the crew".to_owned(),
                cause: "all threads have ended".to_owned(),
            }),
        }
    }

    fn note(&mut self, done: Done) -> Result<(), Lost> {
        match done {
            Done::Task(task) => {
                self.away -= 1;
                self.tasks.push(*task);
            }
            Done::Decoded(ticket, decoded) => {
                self.decoded.insert(ticket, *decoded);
            }
            Done::Rendered(part, records) => {
                self.rendered.insert(part, records);
            }
            Done::Broken(lost) => return Err(lost),
        }
        Ok(())
    }
}

impl Hands for Crew {
    fn count(&self) -> usize {
        self.threads.len() + 1
    }

    fn give(&mut self, task: Task) {
        self.away += 1;
        self.post(Job::Task(Box::new(task)));
    }

    fn all(&mut self) -> Result<Vec<Task>, Lost> {
        while self.away > 0 {
            self.help()?;
        }
        Ok(std::mem::take(&mut self.tasks))
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        self.board.lock().ended = true;
        self.board.wake.notify_all();
        // Whoever waits to hand over a result learns that nobody wants it.
        self.results = None;
        for thread in self.threads.drain(..) {
            // A panic was caught inside and told as a result.
            let _ = thread.join();
        }
    }
}

impl std::fmt::Debug for Crew {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Crew")
            .field("workers", &self.count())
            .finish_non_exhaustive()
    }
}

impl Board {
    /// No job is run under the lock, so nobody can leave the queues half changed.
    fn lock(&self) -> MutexGuard<'_, Jobs> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next job, as soon as there is one; none when the crew is let go.
    fn next(&self) -> Option<Job> {
        let mut jobs = self.lock();
        loop {
            if jobs.ended {
                return None;
            }
            let urgent = jobs.urgent.pop_front();
            if let Some(job) = urgent.or_else(|| jobs.ahead.pop_front()) {
                return Some(job);
            }
            jobs = self.wake.wait(jobs).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// What a thread does until it is let go or breaks.
fn work(board: &Board, results: &SyncSender<Done>, name: &str) {
    while let Some(job) = board.next() {
        let done = catch_unwind(AssertUnwindSafe(|| job.run())).unwrap_or_else(|panic| {
            Done::Broken(Lost {
                worker: name.to_owned(),
                cause: said(panic.as_ref()),
            })
        });
        let broken = matches!(done, Done::Broken(_));
        if results.send(done).is_err() || broken {
            return;
        }
    }
}

/// The text of a panic.
fn said(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("no reason given").to_owned()
}
