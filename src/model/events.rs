//! What a long task says while it runs. The rooms emit, `cli` shows.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// A part of the work, in the order in which they come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Listing refs, packs and loose objects.
    Opening,
    /// Reading and scanning every object; counted in objects.
    Content,
    /// Attributing what was found; counted in commits.
    History,
}

/// Takes what a task tells of its progress. Every method may be called from any thread, often.
pub trait Events: Sync {
    /// A stage begins on the repository at `path` (masked already), with `total` steps or an unknown number.
    fn stage(&self, stage: Stage, path: &str, total: Option<u64>);
    /// So many steps more are done.
    fn advance(&self, steps: u64);
    /// So many different keys have been seen so far.
    fn keys(&self, count: u64);
}

/// Tells nobody.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Events for Silent {
    fn stage(&self, _: Stage, _: &str, _: Option<u64>) {}
    fn advance(&self, _: u64) {}
    fn keys(&self, _: u64) {}
}

/// Asked between objects: has someone asked us to stop?
#[derive(Clone, Copy, Debug)]
pub struct Interrupt<'a> {
    flag: Option<&'a AtomicBool>,
    /// The end, and the clock by which it comes.
    end: Option<(Instant, fn() -> Instant)>,
}

impl<'a> Interrupt<'a> {
    /// Stops when `flag` becomes true.
    pub fn on(flag: &'a AtomicBool) -> Self {
        Self { flag: Some(flag), end: None }
    }

    /// The same, and when the time has come: for where no other thread can set the flag. Cost: a look at the clock each time.
    pub fn until(self, end: Instant, clock: fn() -> Instant) -> Self {
        Self { end: Some((end, clock)), ..self }
    }

    /// Never stops.
    pub fn never() -> Self {
        Self { flag: None, end: None }
    }

    /// Whether to stop now.
    pub fn is_set(&self) -> bool {
        self.flag.is_some_and(|flag| flag.load(Ordering::Relaxed))
            || self.end.is_some_and(|(end, clock)| clock() >= end)
    }
}
