//! The keeper: a thread that writes snapshots, so that nobody waits for a disk or a bucket.
//!
//! The idea: the worker hands over pieces, of which only so many are under way; with no room left it goes on deciding
//! and writes nothing. The invariant: at most one snapshot is being written; when one fails the reason is told and those
//! before it stay; only one that is durable makes an older one go.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

use connectors::snapshots::{SnapshotError, SnapshotStore};
use rules::evaluate::snapshot::Progress;

use super::{KEPT, Manifest, Mark, Proof, SnapshotFile};

/// Pieces that may be under way.
const UNDER_WAY_MAX: usize = 8;

/// What the keeper is asked to do.
enum Order {
    Begin(Box<Manifest>),
    Piece(Progress, Vec<u8>),
    Finish,
    GiveUp,
}

/// What it has to say.
#[derive(Debug)]
enum Answer {
    /// A piece is written, and its buffer free.
    Written(Vec<u8>),
    Kept(Proof, u64),
    Failed(String),
}

/// What became of a snapshot.
#[derive(Debug)]
pub enum News {
    /// It is durable; how it is proven, and how many bytes it has.
    Kept(Proof, u64),
    /// It is not there.
    Failed(String),
}

/// See the module.
#[derive(Debug)]
pub struct Keeper {
    desk: Desk,
    under_way: usize,
    spare: Vec<Vec<u8>>,
}

/// Who does the work.
#[derive(Debug)]
enum Desk {
    Thread {
        /// None once it is let go.
        orders: Option<SyncSender<Order>>,
        answers: Receiver<Answer>,
        thread: Option<JoinHandle<()>>,
    },
    /// The caller itself, at once: so that a simulation has one thread.
    Here(Box<Writing>, VecDeque<Answer>),
}

impl Keeper {
    /// A keeper of snapshots in this store, with a thread of its own.
    ///
    /// # Errors
    /// When there is no thread to be had.
    pub fn start(store: Arc<dyn SnapshotStore>) -> io::Result<Keeper> {
        // One for each piece, and those that go with a snapshot.
        let (orders, ordered) = sync_channel(UNDER_WAY_MAX + 4);
        let (answer, answers) = sync_channel(UNDER_WAY_MAX + 4);
        let thread = thread::Builder::new().name("snapshots".to_owned());
        let thread = thread.spawn(move || keep(store, &ordered, &answer))?;
        Ok(Keeper::at(Desk::Thread {
            orders: Some(orders),
            answers,
            thread: Some(thread),
        }))
    }

    /// A keeper that does each thing while it is told to.
    #[must_use]
    pub fn here(store: Arc<dyn SnapshotStore>) -> Keeper {
        Keeper::at(Desk::Here(Box::new(Writing::new(store)), VecDeque::new()))
    }

    fn at(desk: Desk) -> Keeper {
        Keeper {
            desk,
            under_way: 0,
            spare: Vec::new(),
        }
    }

    /// Begins a snapshot; whether the keeper can.
    pub fn begin(&mut self, manifest: Manifest) -> bool {
        self.order(Order::Begin(Box::new(manifest)))
    }

    /// A buffer for the next piece, if there is room for one.
    pub fn room(&mut self) -> Option<Vec<u8>> {
        (self.under_way < UNDER_WAY_MAX).then(|| self.spare.pop().unwrap_or_default())
    }

    /// Hands over a piece that there was room for.
    pub fn piece(&mut self, progress: Progress, bytes: Vec<u8>) {
        self.under_way += usize::from(self.order(Order::Piece(progress, bytes)));
    }

    /// There are no more pieces.
    pub fn finish(&mut self) {
        self.order(Order::Finish);
    }

    /// Nobody wants the snapshot at hand any more.
    pub fn give_up(&mut self) {
        self.order(Order::GiveUp);
    }

    /// What became of the snapshot at hand, if anything yet.
    pub fn news(&mut self) -> Option<News> {
        while let Some(answer) = self.answer() {
            match answer {
                Answer::Written(mut buffer) => {
                    self.under_way -= 1;
                    buffer.clear();
                    self.spare.push(buffer);
                }
                Answer::Kept(proof, bytes) => return Some(News::Kept(proof, bytes)),
                Answer::Failed(cause) => return Some(News::Failed(cause)),
            }
        }
        None
    }

    fn answer(&mut self) -> Option<Answer> {
        match &mut self.desk {
            Desk::Thread { answers, .. } => answers.try_recv().ok(),
            Desk::Here(_, answers) => answers.pop_front(),
        }
    }

    /// Never waits: there is room for whatever may be ordered.
    fn order(&mut self, order: Order) -> bool {
        match &mut self.desk {
            Desk::Thread { orders, .. } => {
                let sent = orders.as_ref().map(|orders| orders.try_send(order));
                matches!(sent, Some(Ok(())))
            }
            Desk::Here(writing, answers) => {
                writing.take(order, |answer| answers.push_back(answer));
                true
            }
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        if let Desk::Thread {
            orders,
            answers,
            thread,
        } = &mut self.desk
        {
            *orders = None;
            // Whoever waits to answer learns that nobody listens.
            *answers = sync_channel(0).1;
            if let Some(thread) = thread.take() {
                // A panic of it has been told by itself.
                let _ = thread.join();
            }
        }
    }
}

/// What the thread does until it is let go.
fn keep(store: Arc<dyn SnapshotStore>, orders: &Receiver<Order>, answers: &SyncSender<Answer>) {
    let mut writing = Writing::new(store);
    while let Ok(order) = orders.recv() {
        let mut heard = true;
        writing.take(order, |answer| heard &= answers.send(answer).is_ok());
        if !heard {
            return;
        }
    }
}

/// The snapshot at hand.
struct Writing {
    store: Arc<dyn SnapshotStore>,
    file: Option<SnapshotFile>,
}

impl std::fmt::Debug for Writing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Writing")
            .field("file", &self.file)
            .finish_non_exhaustive()
    }
}

impl Writing {
    fn new(store: Arc<dyn SnapshotStore>) -> Writing {
        Writing { store, file: None }
    }

    fn take(&mut self, order: Order, mut answer: impl FnMut(Answer)) {
        let done = match order {
            Order::Begin(manifest) => self.begin(*manifest).map(|()| None),
            Order::Piece(progress, bytes) => {
                let section = progress.section.to_string();
                let file = self.file.as_mut();
                let wrote = file.map_or(Ok(()), |f| f.write(&section, &bytes, progress.ended));
                answer(Answer::Written(bytes));
                wrote.map(|()| None)
            }
            Order::Finish => self.finish(),
            Order::GiveUp => {
                self.file = None;
                Ok(None)
            }
        };
        match done {
            Ok(None) => {}
            Ok(Some((proof, bytes))) => answer(Answer::Kept(proof, bytes)),
            Err(error) => {
                self.file = None;
                answer(Answer::Failed(error.to_string()));
            }
        }
    }

    fn begin(&mut self, manifest: Manifest) -> io::Result<()> {
        // One that nobody finished is gone with its writer.
        self.file = None;
        let file = SnapshotFile::create(self.store.as_ref(), manifest);
        self.file = Some(file.map_err(io::Error::other)?);
        Ok(())
    }

    fn finish(&mut self) -> io::Result<Option<(Proof, u64)>> {
        let Some(file) = self.file.take() else {
            return Ok(None);
        };
        let (name, prefix) = (file.name(), file.prefix());
        let kept = file.finish()?;
        if let Err(error) = forget_older(self.store.as_ref(), &name, &prefix) {
            tracing::warn!(%error, "an old snapshot stays where it is");
        }
        Ok(Some(kept))
    }
}

/// Removes all of the journal that are older than the last few up to this one. Of later commits there may be some: of another past, when a topic of
/// this name was made anew, or of a process that has taken over from this one, which must keep them.
fn forget_older(store: &dyn SnapshotStore, name: &str, prefix: &str) -> Result<(), SnapshotError> {
    let mut names = store.list()?;
    names.retain(|known| Mark::has_prefix(known, prefix) && known.as_str() <= name);
    let old = names.len().saturating_sub(KEPT);
    let mut old = names.iter().take(old);
    old.try_for_each(|name| store.remove(name))
}
