//! Reading standard input and files that are named, which may be waited for (a named pipe until somebody writes): then the
//! first Ctrl-C ends the program, since there is nothing yet that could be reported.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock};

static IS_WAITING: LazyLock<Arc<AtomicBool>> = LazyLock::new(Arc::default);

/// Whether input is waited for, for the handler of signals.
pub(super) fn is_waiting() -> Arc<AtomicBool> {
    IS_WAITING.clone()
}

/// Reads standard input to its end, or so much of it.
pub(super) fn read(most: u64) -> io::Result<Vec<u8>> {
    waiting(|text| io::stdin().lock().take(most).read_to_end(text))
}

/// Reads a file to its end, or so much of it.
pub(super) fn read_file(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    waiting(|text| File::open(path)?.take(most).read_to_end(text))
}

fn waiting(read: impl FnOnce(&mut Vec<u8>) -> io::Result<usize>) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    IS_WAITING.store(true, Ordering::Relaxed);
    let read = read(&mut text);
    IS_WAITING.store(false, Ordering::Relaxed);
    read.map(|_| text)
}
