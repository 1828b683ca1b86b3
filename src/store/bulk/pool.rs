//! What the threads of a pass give each other.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex};

use super::walk::{Branch, Late};

/// Branches that wait for a thread, and threads that wait for a branch.
pub(super) struct Pool<M> {
    threads: AtomicUsize,
    /// More threads wait than there are branches.
    hungry: AtomicUsize,
    state: Mutex<State<M>>,
    changed: Condvar,
    late: Mutex<Vec<Late>>,
}

struct State<M> {
    branches: Vec<Branch<M>>,
    waiting: usize,
    is_over: bool,
}

impl<M> Pool<M> {
    pub(super) fn new(threads: usize) -> Self {
        Self {
            threads: AtomicUsize::new(threads),
            hungry: AtomicUsize::new(0),
            state: Mutex::new(State { branches: Vec::new(), waiting: 0, is_over: false }),
            changed: Condvar::new(),
            late: Mutex::default(),
        }
    }

    pub(super) fn threads(&self) -> usize {
        self.threads.load(Ordering::Relaxed)
    }

    /// One thread fewer: it could not be started.
    pub(super) fn leave(&self) {
        let state = self.state.lock();
        self.threads.fetch_sub(1, Ordering::Relaxed);
        drop(state);
        self.changed.notify_all();
    }

    /// Whether a thread waits that nobody has a branch for yet.
    pub(super) fn is_hungry(&self) -> bool {
        self.hungry.load(Ordering::Relaxed) > 0
    }

    fn count_hungry(&self, state: &State<M>) {
        self.hungry.store(state.waiting.saturating_sub(state.branches.len()), Ordering::Relaxed);
    }

    /// Hands a branch to whoever waits.
    pub(super) fn give(&self, branch: Branch<M>) {
        let Ok(mut state) = self.state.lock() else { return };
        state.branches.push(branch);
        self.count_hungry(&state);
        self.changed.notify_one();
    }

    /// A branch that somebody gives; `None` when nobody has anything to do any more.
    pub(super) fn take(&self) -> Option<Branch<M>> {
        let mut state = self.state.lock().ok()?;
        state.waiting += 1;
        loop {
            if let Some(branch) = state.branches.pop() {
                state.waiting -= 1;
                self.count_hungry(&state);
                return Some(branch);
            }
            if state.is_over || state.waiting >= self.threads() {
                state.is_over = true;
                self.changed.notify_all();
                return None;
            }
            self.count_hungry(&state);
            state = self.changed.wait(state).ok()?;
        }
    }

    /// Puts off what there is no room for yet.
    pub(super) fn wait_for_room(&self, late: Late) {
        if let Ok(mut all) = self.late.lock() {
            all.push(late);
        }
    }

    /// What was put off.
    pub(super) fn late(self) -> Vec<Late> {
        self.late.into_inner().unwrap_or_default()
    }

    /// Whoever holds this and panics lets the others go.
    pub(super) fn present(&self) -> Present<'_, M> {
        Present(self)
    }
}

/// See [`Pool::present`].
pub(super) struct Present<'p, M>(&'p Pool<M>);

impl<M> Drop for Present<'_, M> {
    fn drop(&mut self) {
        if std::thread::panicking()
            && let Ok(mut state) = self.0.state.lock()
        {
            state.is_over = true;
            self.0.changed.notify_all();
        }
    }
}
