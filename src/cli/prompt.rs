//! A prompt that shows nothing of what is typed, and leaves the terminal as it was however it ends.

use std::fs::{File, OpenOptions};
use std::io::{self, IsTerminal, Write};
use std::os::fd::AsFd as _;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr};

/// Ctrl-\: here it ends the line, and with it the prompt.
const QUIT: u8 = 0x1c;
/// What stands in the place of a character that does nothing (`_POSIX_VDISABLE`).
const DISABLED: u8 = if cfg!(target_os = "linux") { 0 } else { 0xff };

/// A terminal that does not show what is typed until this is dropped.
struct Silent<'a> {
    terminal: &'a File,
    before: Termios,
}

impl<'a> Silent<'a> {
    fn of(terminal: &'a File) -> io::Result<Self> {
        let before = tcgetattr(terminal)?;
        let mut modes = before.clone();
        modes.local_modes.remove(LocalModes::ECHO);
        // The signal that it would send ends everything at once, and the terminal would stay as it is.
        modes.special_codes[SpecialCodeIndex::VQUIT] = DISABLED;
        modes.special_codes[SpecialCodeIndex::VEOL] = QUIT;
        tcsetattr(terminal, OptionalActions::Now, &modes)?;
        Ok(Self { terminal, before })
    }
}

impl Drop for Silent<'_> {
    fn drop(&mut self) {
        _ = tcsetattr(self.terminal, OptionalActions::Now, &self.before);
    }
}

/// Asks on the terminal, whatever the standard streams are, for one line, and shows nothing of it.
///
/// # Errors
/// Where there is no terminal, and [`io::ErrorKind::Interrupted`] where a signal ends it: that restores the terminal
/// first, which would show nothing any more.
pub(super) fn ask(question: &str, interrupt: &AtomicBool) -> io::Result<Vec<u8>> {
    let named = OpenOptions::new().read(true).write(true).open("/dev/tty");
    let stdin = io::stdin();
    // Some systems cannot wait for what they call /dev/tty.
    let terminal = match stdin.is_terminal() {
        true => File::from(stdin.as_fd().try_clone_to_owned()?),
        false => named.as_ref().map_err(|error| io::Error::from(error.kind()))?.try_clone()?,
    };
    let mut shown: Box<dyn Write> = match named {
        Ok(named) => Box::new(named),
        Err(_) => Box::new(io::stderr()),
    };
    let silent = Silent::of(&terminal)?;
    write!(shown, "{question}").and_then(|()| shown.flush())?;
    let typed = line(&terminal, interrupt);
    drop(silent);
    _ = writeln!(shown);
    typed
}

/// One line, or what there is of it where no more comes. A signal only sets the flag, and reading goes on after one: so
/// nothing is read before there is something.
fn line(terminal: &File, interrupt: &AtomicBool) -> io::Result<Vec<u8>> {
    let look = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };
    let (mut typed, mut some) = (Vec::new(), [0; 4096]);
    loop {
        if interrupt.load(Ordering::Relaxed) {
            return Err(io::ErrorKind::Interrupted.into());
        }
        match poll(&mut [PollFd::new(terminal, PollFlags::IN)], Some(&look)) {
            Ok(0) | Err(Errno::INTR) => continue,
            Ok(_) => {}
            Err(error) => return Err(error.into()),
        }
        match rustix::io::read(terminal, &mut some) {
            Ok(0) => return Ok(typed),
            Ok(count) => typed.extend_from_slice(&some[..count]),
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        if typed.ends_with(&[QUIT]) {
            return Err(io::ErrorKind::Interrupted.into());
        }
        if typed.ends_with(b"\n") {
            return Ok(typed);
        }
    }
}
