//! One writer at a time for a file that is read, changed and put in its place again.

use std::fs::File;
use std::path::Path;
use std::time::Duration;

use rustix::fs::FlockOperation;
use rustix::io::Errno;

use super::Error;

/// Keeps other processes of this program from a file until it is dropped.
#[must_use = "it is let go where it is dropped"]
pub struct Held {
    _folder: Option<File>,
}

/// Waits until no other process holds a file, for as long as `patience` at most, and holds it.
///
/// What is locked is its folder. The file itself is replaced whenever it is written, so that a lock on it would be one on
/// what lies there no more, and a lock file beside it would be committed sooner or later. A file system that has no such
/// locks (NFS may have none on folders) gets none: two people who write at one moment are rarer than those.
///
/// # Errors
/// Where another holds it all the while.
pub fn hold(path: &Path, patience: Duration) -> Result<Held, Error> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // Where the folder cannot be opened, reading or writing the file says why.
    let Ok(folder) = File::open(folder) else { return Ok(Held { _folder: None }) };
    let mut left = patience;
    let is_over = || {
        let is_over = left.is_zero();
        left = left.saturating_sub(PAUSE);
        is_over
    };
    match lock(&folder, is_over) {
        Ok(true) => Ok(Held { _folder: Some(folder) }),
        Ok(false) => Err(Error::Busy { path: path.display().to_string() }),
        Err(_) => Ok(Held { _folder: None }),
    }
}

/// How long it is waited before another is asked again whether it is done.
const PAUSE: Duration = Duration::from_millis(2);

/// Waits until no other process has a file locked, and locks it; whether that was before it `is_over`.
pub(super) fn lock(file: &File, mut is_over: impl FnMut() -> bool) -> Result<bool, Errno> {
    loop {
        match rustix::fs::flock(file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(true),
            Err(Errno::WOULDBLOCK | Errno::INTR) if is_over() => return Ok(false),
            Err(Errno::WOULDBLOCK | Errno::INTR) => std::thread::sleep(PAUSE),
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_holds_it_at_a_time_and_nobody_waits_without_end() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("x.status.json");
        let held = hold(&file, Duration::ZERO).unwrap();
        let error = hold(&file, Duration::from_millis(20)).map(|_| ()).unwrap_err();
        assert!(matches!(error, Error::Busy { .. }), "{error}");
        drop(held);
        assert!(hold(&file, Duration::ZERO).is_ok());
        assert!(!file.exists(), "and nothing is left behind");
        assert!(hold(&folder.path().join("not/there"), Duration::ZERO).is_ok());
    }
}
