//! Standard input, waited for no longer than the time budget.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{Errno, read};

use crate::gate::MalformedInput;

/// More than a million refs.
const MOST: usize = 256 << 20;

/// So long git may take to write it, however small the budget is.
const LEAST: Duration = Duration::from_millis(300);

/// So often a signal is looked for.
const LOOK: Duration = Duration::from_millis(200);

/// Reads standard input, and writes it to the file `keep`, which another hook is to read; to standard output if that is
/// `-`. That one must never take half of it for the whole: where anything fails nothing is in the file, and it is taken away if it
/// was not there before.
///
/// # Errors
/// Where it has no end by the deadline or by a signal, cannot be read or kept, or is longer than any push.
pub(super) fn standard_input(
    deadline: Instant,
    interrupt: &AtomicBool,
    keep: Option<&Path>,
) -> Result<Vec<u8>, MalformedInput> {
    let read = to_end(deadline, interrupt);
    let Some(file) = keep else { return read };
    if file == Path::new("-") {
        let write = |input: &Vec<u8>| std::io::stdout().write_all(input).and_then(|()| std::io::stdout().flush());
        return read.and_then(|input| write(&input).map(|()| input).map_err(|_| MalformedInput::NotKept));
    }
    let Ok((mut open, is_new)) = open_empty(file) else { return read.and(Err(MalformedInput::NotKept)) };
    let kept = read.and_then(|input| open.write_all(&input).map(|()| input).map_err(|_| MalformedInput::NotKept));
    kept.inspect_err(|_| _ = if is_new { std::fs::remove_file(file) } else { open.set_len(0) })
}

/// Opens a plain file with nothing in it; whether it was not there before. Nothing else is opened: a pipe would be waited for
/// until somebody reads it.
fn open_empty(path: &Path) -> io::Result<(File, bool)> {
    let open = |options: &mut OpenOptions| {
        options.write(true).custom_flags(rustix::fs::OFlags::NONBLOCK.bits() as i32).open(path)
    };
    match open(OpenOptions::new().create_new(true)) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        made => return made.map(|file| (file, true)),
    }
    let file = open(&mut OpenOptions::new())?;
    if !file.metadata()?.is_file() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    file.set_len(0).map(|()| (file, false))
}

/// git ends its input at once; what else calls the hook may not, and no push is to wait for that.
fn to_end(deadline: Instant, interrupt: &AtomicBool) -> Result<Vec<u8>, MalformedInput> {
    let deadline = deadline.max(Instant::now() + LEAST);
    let stdin = std::io::stdin();
    let mut input = Vec::new();
    let mut piece = vec![0; 64 << 10];
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        // Whoever always has another byte at hand is not waited for either.
        if left.is_zero() || interrupt.load(Ordering::SeqCst) {
            return Err(MalformedInput::Open);
        }
        // A signal may come just before the wait begins, and does not end it then.
        let left = left.min(LOOK);
        let left = Timespec { tv_sec: left.as_secs() as i64, tv_nsec: left.subsec_nanos().into() };
        let mut waiting = [PollFd::new(&stdin, PollFlags::IN)];
        match poll(&mut waiting, Some(&left)) {
            Ok(0) | Err(Errno::INTR) => continue,
            Ok(_) => {}
            Err(_) => return Err(MalformedInput::Unreadable),
        }
        match read(stdin.as_fd(), &mut piece) {
            Ok(0) => return Ok(input),
            Ok(count) => input.extend_from_slice(&piece[..count]),
            Err(Errno::INTR | Errno::AGAIN) => {}
            Err(_) => return Err(MalformedInput::Unreadable),
        }
        if input.len() > MOST {
            return Err(MalformedInput::Long);
        }
    }
}
