//! Reading standard input, which may be waited for: then the first Ctrl-C ends the program, since there is nothing yet
//! that could be reported.

use std::io::{self, Read};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock};

static IS_WAITING: LazyLock<Arc<AtomicBool>> = LazyLock::new(Arc::default);

/// Whether standard input is waited for, for the handler of signals.
pub(super) fn is_waiting() -> Arc<AtomicBool> {
    IS_WAITING.clone()
}

/// Reads standard input to its end, or so much of it.
pub(super) fn read(most: u64) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    IS_WAITING.store(true, Ordering::Relaxed);
    let read = io::stdin().lock().take(most).read_to_end(&mut text);
    IS_WAITING.store(false, Ordering::Relaxed);
    read.map(|_| text)
}
