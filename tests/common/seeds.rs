//! Cases of a property, each from a seed, on all cores.

use std::io::Write as _;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// So many that fail are enough to go by.
const ENOUGH: usize = 3;

/// Does the work of each seed; the first few that fail or panic, and what they told.
pub(crate) fn failing(seeds: Range<u64>, work: impl Fn(u64) -> Result<(), String> + Sync) -> Vec<(u64, String)> {
    let next = AtomicU64::new(seeds.start);
    let failed: Mutex<Vec<(u64, String)>> = Mutex::default();
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds.end || failed.lock().expect("no thread panicked").len() >= ENOUGH {
                        return;
                    }
                    let done = catch_unwind(AssertUnwindSafe(|| work(seed))).unwrap_or_else(|panic| {
                        let told = panic.downcast::<String>().map_or_else(|_| "no reason told".into(), |told| *told);
                        Err(format!("it panicked: {told}"))
                    });
                    if let Err(told) = done {
                        failed.lock().expect("no thread panicked").push((seed, told));
                    }
                }
            });
        }
    });
    failed.into_inner().expect("no thread panicked")
}

/// The number that a variable of the environment says, if it is set.
pub(crate) fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable} is no number: {text}")))
}

/// Says something that a passing test shows too.
pub(crate) fn say(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}
