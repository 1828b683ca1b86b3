//! Programs that are run come to an end: a hook can hang, and so can git behind it.

use std::io::{self, Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};

/// So much of what a program writes is kept.
const MOST_BYTES: u64 = 1 << 20;

/// How often a program is looked at.
const PAUSE: Duration = Duration::from_millis(10);

/// What is ended where the time is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ends {
    /// The program by itself: one that asks on the terminal must stay in the terminal's group.
    Itself,
    /// It and all that it has started.
    Group,
}

/// Runs a program, with this input, for so long at most, and as long again until what it has started lets go of its output.
/// `None` where it had to be ended.
pub(super) fn run(command: &mut Command, input: &[u8], patience: Duration, ends: Ends) -> io::Result<Option<Output>> {
    if ends == Ends::Group {
        command.process_group(0);
    }
    // Not thrown away: a chroot may have no /dev/null.
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let output = attend(&mut child, input, patience);
    if !matches!(output, Ok(Some(_))) {
        match ends {
            Ends::Group => _ = kill_process_group(Pid::from_child(&child), Signal::KILL),
            Ends::Itself => _ = child.kill(),
        }
        child.wait()?;
    }
    output
}

fn attend(child: &mut Child, input: &[u8], patience: Duration) -> io::Result<Option<Output>> {
    if let Some(mut stdin) = child.stdin.take() {
        let input = input.to_vec();
        // One that does not read its input is told by its answer.
        spawn(move || _ = stdin.write_all(&input))?;
    }
    let (stdout, stderr) = (read_all(child.stdout.take())?, read_all(child.stderr.take())?);
    let Some(status) = within(patience, || child.try_wait())? else { return Ok(None) };
    let (mut out, mut err) = (None, None);
    let written = within(patience, || {
        out = out.take().or_else(|| stdout.try_recv().ok());
        err = err.take().or_else(|| stderr.try_recv().ok());
        Ok(if err.is_some() { out.take() } else { None })
    })?;
    Ok(written.zip(err).map(|(stdout, stderr)| Output { status, stdout, stderr }))
}

/// Looks for something until it is there, for so long at most.
fn within<T>(patience: Duration, mut look: impl FnMut() -> io::Result<Option<T>>) -> io::Result<Option<T>> {
    let looks = patience.as_millis() / PAUSE.as_millis();
    for _ in 0..=looks {
        if let Some(found) = look()? {
            return Ok(Some(found));
        }
        std::thread::sleep(PAUSE);
    }
    Ok(None)
}

/// Reads what a pipe has, beside all else. The beginning is kept; the rest is let go, so that nobody waits for it.
fn read_all(pipe: Option<impl Read + Send + 'static>) -> io::Result<Receiver<Vec<u8>>> {
    let (done, receiver) = channel();
    spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            _ = pipe.by_ref().take(MOST_BYTES).read_to_end(&mut bytes);
            _ = io::copy(&mut pipe, &mut io::sink());
        }
        // Nobody waits any more where the time was over.
        _ = done.send(bytes);
    })?;
    Ok(receiver)
}

fn spawn(what: impl FnOnce() + Send + 'static) -> io::Result<()> {
    std::thread::Builder::new().spawn(what).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, patience: Duration) -> Option<Output> {
        let mut shell = Command::new("sh");
        run(shell.args(["-c", script]), b"input\n", patience, Ends::Group).unwrap()
    }

    #[test]
    fn what_ends_is_told_whole_and_what_hangs_is_ended() {
        let output = shell("cat; echo error >&2; exit 3", Duration::from_secs(60)).unwrap();
        assert_eq!(output.status.code(), Some(3));
        assert_eq!((output.stdout.as_slice(), output.stderr.as_slice()), (&b"input\n"[..], &b"error\n"[..]));
        let output = shell("head -c 3000000 /dev/zero", Duration::from_secs(60)).unwrap();
        assert_eq!((output.status.code(), output.stdout.len() as u64), (Some(0), MOST_BYTES));
        let short = Duration::from_millis(200);
        for hangs in ["sleep 600", "exec >&- 2>&-; sleep 600", "sleep 600 & exit 0", "while :; do echo more; done"] {
            assert!(shell(hangs, short).is_none(), "{hangs}");
        }
    }
}
