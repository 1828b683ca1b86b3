//! The ledger: the gate's record of its decisions, one JSON object a line, appended and never changed.
//!
//! It is the only honest clock: commit dates are the author's word. Lines are appended whole: a lock keeps writers apart,
//! one write brings a line, and where the disk is full the file is cut back to where it ended.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead as _, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::Arc;

use rustix::fs::Access;
use serde_json::Value;

use super::{Error, hold, open_plain};
use crate::key::KeyId;
use crate::model::harmless_json;

/// No line is longer: the gate writes none of more than a mebibyte.
const MOST_OF_A_LINE: u64 = 64 << 20;

/// Whether to wait for other writers.
#[derive(Clone, Copy)]
pub enum Append<'a> {
    /// Until they are done, or it has been long enough: one of them may be stopped.
    InTurn(&'a dyn Fn() -> bool),
    /// Not at all: the process is about to end.
    AtOnce,
}

/// Locks the ledger; whether it is.
fn lock(file: &File, how: Append<'_>) -> io::Result<bool> {
    match how {
        // Appending one line is whole by itself on a local disk: the lock is for the moments when something fails.
        Append::AtOnce => Ok(hold::lock(file, || true).unwrap_or(false)),
        Append::InTurn(is_over) if hold::lock(file, is_over)? => Ok(true),
        Append::InTurn(_) => {
            Err(io::Error::new(io::ErrorKind::TimedOut, "another process holds its lock and does not end"))
        }
    }
}

/// How a ledger stands before anything is written to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LedgerPlace {
    /// It is there, and this user may append to it.
    Writable,
    /// It is not there, and this user may make it.
    ToBeMade,
}

/// What stands at a ledger's place if it is no plain file. A line is taken back where it does not fit, and the whole is
/// read again: what is no file has neither. A named pipe, besides, would keep pushes waiting for its reader, or lose lines.
pub fn no_plain_file(path: &Path) -> Option<&'static str> {
    use std::os::unix::fs::FileTypeExt;
    let kind = std::fs::metadata(path).ok()?.file_type();
    match kind {
        _ if kind.is_file() => None,
        _ if kind.is_dir() => Some("a directory"),
        _ if kind.is_fifo() => Some("a named pipe"),
        _ if kind.is_socket() => Some("a socket"),
        _ => Some("a device"),
    }
}

/// Whether this user could append to a ledger; nothing is written, and none is made.
///
/// # Errors
/// Where [`append`] would fail, for the same reason.
pub fn ledger_place(path: &Path) -> io::Result<LedgerPlace> {
    refuse_other_than_file(path)?;
    match OpenOptions::new().append(true).read(true).open(path) {
        Ok(_) => Ok(LedgerPlace::Writable),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let folder = path.parent().unwrap_or(Path::new("/"));
            rustix::fs::access(folder, Access::WRITE_OK | Access::EXEC_OK)?;
            Ok(LedgerPlace::ToBeMade)
        }
        Err(error) => Err(error),
    }
}

fn refuse_other_than_file(path: &Path) -> io::Result<()> {
    match no_plain_file(path) {
        Some(what) => Err(io::Error::other(format!("it is {what} and no plain file"))),
        None => Ok(()),
    }
}

/// Whether a directory is one that a group shares: they can write in it, and what is made in it belongs to them.
pub fn is_for_group(folder: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(folder).is_ok_and(|meta| meta.permissions().mode() & 0o2030 == 0o2030)
}

/// Makes the ledger where its directory is a group's: they can write it, whatever the umask, because git runs as each of
/// them. It appears with its mode, or another push would be kept from it. Where that fails, opening it says why.
fn make_for_group(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    let Some(folder) = path.parent().filter(|folder| !path.exists() && is_for_group(folder)) else { return };
    let open = std::fs::Permissions::from_mode(0o660);
    let made = tempfile::Builder::new().prefix(".clerk-audit-").tempfile_in(folder);
    if let Ok(file) = made
        && file.as_file().set_permissions(open).is_ok()
    {
        _ = file.persist_noclobber(path);
    }
}

/// Appends a record as one line. A file that is made is its owner's alone, or that of the group which shares the directory.
///
/// # Errors
/// Where it cannot be written; then nothing of the line stays in the file.
pub fn append(path: &Path, record: &Value, how: Append<'_>) -> io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    refuse_other_than_file(path)?;
    make_for_group(path);
    let mut file = OpenOptions::new().append(true).read(true).create(true).mode(0o600).open(path)?;
    let is_locked = lock(&file, how)?;
    let end = file.seek(SeekFrom::End(0))?;
    let mut line = Vec::new();
    // What a writer that was killed left is ended, so that it spoils no other line.
    if end > 0 && !ends_in_line_feed(&mut file, end)? {
        line.push(b'\n');
    }
    // Names and paths are a stranger's, and what reads lines may take more than a line feed for the end of one.
    line.extend_from_slice(harmless_json(&record.to_string()).as_bytes());
    line.push(b'\n');
    file.write_all(&line).inspect_err(|_| {
        // Without the lock another's line may stand behind this one by now.
        if is_locked {
            _ = file.set_len(end);
        }
    })
}

fn ends_in_line_feed(file: &mut File, end: u64) -> io::Result<bool> {
    let mut last = [0];
    file.seek(SeekFrom::Start(end - 1))?;
    file.read_exact(&mut last)?;
    Ok(last[0] == b'\n')
}

/// What was decided about a push, whatever keys were in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerPush {
    /// When, by the server's clock.
    pub time: String,
    /// What was decided: `refused`, `accepted`, `observed`.
    pub verdict: String,
    /// The repository's directory on the server.
    pub repository: Option<String>,
    /// Who pushed, as the server names them.
    pub pusher: Option<String>,
    /// From where.
    pub remote_address: Option<String>,
    /// The refs that were pushed.
    pub refs: Vec<String>,
    /// Which hook decided.
    pub hook: Option<String>,
}

impl LedgerPush {
    fn of(record: &Value) -> Self {
        let text = |name: &str| record[name].as_str().map(str::to_owned);
        let refs = list(&record["refs"]).iter();
        Self {
            time: text("time").unwrap_or_default(),
            verdict: text("verdict").unwrap_or_default(),
            repository: text("repository"),
            pusher: text("pusher"),
            remote_address: text("remote_address"),
            refs: refs.filter_map(|one| one["name"].as_str().map(str::to_owned)).collect(),
            hook: text("hook"),
        }
    }
}

/// One decision about a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerEvent {
    /// The push that it was in. All keys of a record share it: anyone who can push can bring a thousand keys to a thousand
    /// refs, and is recorded though they are refused.
    pub push: Arc<LedgerPush>,
    /// What was decided about the key: `refused`, `warned`, `allowed`, `bypassed`, `passed`.
    pub decision: String,
    /// Whether the push introduced it anywhere, whatever was decided.
    pub introduced: bool,
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

/// A ledger that was read.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    events: std::collections::BTreeMap<KeyId, Vec<LedgerEvent>>,
    hints: std::collections::BTreeMap<KeyId, String>,
    torn: Vec<usize>,
    cut: Option<usize>,
}

impl Ledger {
    /// Reads a ledger. Refused canaries are left out. A line that ends too early, as a killed writer leaves it, is no error
    /// ([`Ledger::torn`]).
    ///
    /// # Errors
    /// Where it is no plain file and nothing that is open already, cannot be read, or a line is no record.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let name = path.display().to_string();
        let unread = |source| Error::Read { file: format!("the ledger {name}"), source };
        // Whoever hands over what is open already, `/dev/stdin` or a shell's `<(…)`, means what comes from there.
        let is_open = ["/dev/stdin", "/dev/fd", "/proc/self/fd"].iter().any(|open| path.starts_with(open));
        let file = if is_open { File::open(path) } else { open_plain(path) };
        let mut text = io::BufReader::new(file.map_err(unread)?);
        let mut ledger = Self::default();
        let mut line = Vec::new();
        for number in 1.. {
            line.clear();
            if text.by_ref().take(MOST_OF_A_LINE).read_until(b'\n', &mut line).map_err(unread)? == 0 {
                break;
            }
            if !ledger.line(number, &line) {
                return Err(Error::Line { path: name, line: number, what: "no record of a decision" });
            }
        }
        Ok(ledger)
    }

    /// Takes in a line, with what ends it; whether it is one of a ledger.
    fn line(&mut self, number: usize, line: &[u8]) -> bool {
        let (text, is_ended) = match line.strip_suffix(b"\n") {
            Some(text) => (text.strip_suffix(b"\r").unwrap_or(text), true),
            None => (line, false),
        };
        let text = String::from_utf8_lossy(text);
        // What a crash of the machine leaves of a line can be as many NULs.
        let text = text.trim_start_matches('\0');
        if text.trim().is_empty() {
            return true;
        }
        let record: Value = match serde_json::from_str(text) {
            Ok(record) => record,
            // The beginning of a line, as a killed writer leaves it.
            Err(error) if text.starts_with('{') && error.is_eof() => {
                match is_ended {
                    true => self.torn.push(number),
                    // Somebody may be about to write the rest of it.
                    false => self.cut = Some(number),
                }
                return true;
            }
            Err(_) => return false,
        };
        // By its ref alone, which anyone can push to: a canary that was let in counts like every other push.
        let is_refused_canary = record["canary"] == true && record["verdict"] == "refused";
        if record["schema"] == 1 && !is_refused_canary {
            self.add(&record);
        }
        record["schema"] == 1
    }

    fn add(&mut self, record: &Value) {
        let push = Arc::new(LedgerPush::of(record));
        for key in list(&record["keys"]) {
            let Some(id) = key["id"].as_str().and_then(KeyId::parse) else { continue };
            if let Some(hint) = key["hint"].as_str() {
                self.hints.insert(id, hint.to_owned());
            }
            self.events.entry(id).or_default().push(LedgerEvent {
                push: Arc::clone(&push),
                decision: key["decision"].as_str().unwrap_or_default().to_owned(),
                introduced: list(&key["places"]).iter().any(|place| place["standing"] == "introduced"),
            });
        }
    }

    /// The numbers of lines that end too early, and are not about to be written: whatever they said is not known.
    pub fn torn(&self) -> &[usize] {
        &self.torn
    }

    /// The number of the last line, where that has no end: it is about to be written, or was cut off.
    pub fn cut(&self) -> Option<usize> {
        self.cut
    }

    /// The keys recorded, each with its hint, as somebody wrote it; empty where there is none.
    pub fn keys(&self) -> impl Iterator<Item = (KeyId, &str)> {
        self.events.keys().map(|id| (*id, self.hints.get(id).map_or("", String::as_str)))
    }

    /// What was decided about a key, in the order in which it was.
    pub fn of(&self, id: &KeyId) -> &[LedgerEvent] {
        self.events.get(id).map(Vec::as_slice).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const IN_TURN: Append<'_> = Append::InTurn(&|| false);

    fn id(digit: char) -> String {
        format!("sha256:{}", digit.to_string().repeat(64))
    }

    fn record(time: &str, id: &str) -> Value {
        json!({"schema": 1, "time": time, "verdict": "refused", "pusher": "ada", "remote_address": null,
               "refs": [{"name": "refs/heads/main"}], "keys": [{"id": id, "decision": "refused"}], "canary": false})
    }

    fn read(text: &str) -> Result<Ledger, Error> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        Ledger::read(file.path())
    }

    #[test]
    fn lines_of_many_writers_come_whole() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ledger");
        std::thread::scope(|scope| {
            for writer in 0..8 {
                let path = &path;
                scope.spawn(move || {
                    for at in 0..50 {
                        append(path, &record(&format!("{writer}-{at}-{}", "x".repeat(5000)), &id('a')), IN_TURN)
                            .unwrap();
                    }
                });
            }
        });
        let ledger = Ledger::read(&path).unwrap();
        assert_eq!(ledger.of(&KeyId::parse(&id('a')).unwrap()).len(), 400);
    }

    #[test]
    fn a_line_that_a_killed_writer_left_spoils_no_other() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ledger");
        append(&path, &record("1", &id('a')), IN_TURN).unwrap();
        let mut torn = OpenOptions::new().append(true).open(&path).unwrap();
        torn.write_all(b"{\"schema\":1,\"time\":\"2").unwrap();
        let ledger = Ledger::read(&path).unwrap();
        assert_eq!((ledger.of(&KeyId::parse(&id('a')).unwrap()).len(), ledger.torn()), (1, &[][..]));
        assert_eq!(ledger.cut(), Some(2));
        append(&path, &record("3", &id('a')), Append::AtOnce).unwrap();
        let ledger = Ledger::read(&path).unwrap();
        assert_eq!((ledger.torn(), ledger.cut()), (&[2][..], None), "nobody ends it any more");
        let times: Vec<&str> =
            ledger.of(&KeyId::parse(&id('a')).unwrap()).iter().map(|event| event.push.time.as_str()).collect();
        assert_eq!(times, ["1", "3"]);
    }

    #[test]
    fn what_a_crash_leaves_of_a_line_spoils_no_other() {
        let text = format!("{}\n{{\"schema\":1,\"ti\n\0\0\0{}\n\0\0\0", record("1", &id('a')), record("2", &id('a')));
        assert_eq!(read(&text).unwrap().of(&KeyId::parse(&id('a')).unwrap()).len(), 2);
    }

    #[test]
    fn what_is_no_record_is_an_error_and_refused_canaries_are_left_out() {
        for (text, at) in
            [("nonsense\n", 1), ("{\"schema\":9}\n", 1), ("\n{\"schema\":9}", 2), ("{\"schema\":1}\n\n1\n", 3)]
        {
            assert!(matches!(read(text), Err(Error::Line { line, .. }) if line == at), "{text}");
        }
        let mut canary = record("1", &id('a'));
        canary["canary"] = json!(true);
        let ledger = read(&format!("{canary}\n")).unwrap();
        assert!(ledger.of(&KeyId::parse(&id('a')).unwrap()).is_empty());
        canary["verdict"] = json!("observed");
        let ledger = read(&format!("{canary}\n")).unwrap();
        assert_eq!(ledger.of(&KeyId::parse(&id('a')).unwrap()).len(), 1);
    }

    #[test]
    fn a_writer_that_never_ends_is_not_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ledger");
        append(&path, &record("1", &id('a')), IN_TURN).unwrap();
        let stopped = File::open(&path).unwrap();
        rustix::fs::flock(&stopped, rustix::fs::FlockOperation::LockExclusive).unwrap();
        let asked = std::cell::Cell::new(0);
        let is_over = || asked.replace(asked.get() + 1) >= 10;
        let error = append(&path, &record("2", &id('a')), Append::InTurn(&is_over)).unwrap_err();
        assert_eq!(asked.get(), 11);
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        append(&path, &record("3", &id('a')), Append::AtOnce).unwrap();
        assert_eq!(Ledger::read(&path).unwrap().of(&KeyId::parse(&id('a')).unwrap()).len(), 2);
    }

    #[test]
    fn what_is_no_plain_file_is_no_ledger_and_is_not_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        let pipe = dir.path().join("pipe");
        rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR).unwrap();
        for (path, what) in
            [(pipe.as_path(), "a named pipe"), (dir.path(), "a directory"), (Path::new("/dev/null"), "a device")]
        {
            assert_eq!(no_plain_file(path), Some(what));
            let told = append(path, &record("1", &id('a')), IN_TURN).unwrap_err().to_string();
            assert!(told.contains(what), "{told}");
            assert_eq!(ledger_place(path).unwrap_err().to_string(), told);
            assert!(matches!(Ledger::read(path), Err(Error::Read { .. })));
        }
    }

    #[test]
    fn a_ledger_in_a_groups_directory_is_the_groups() {
        use std::os::unix::fs::{MetadataExt, PermissionsExt};
        let dir = tempfile::tempdir().unwrap();
        for (folder_mode, ledger_mode) in [(0o2770, 0o660), (0o770, 0o600), (0o2750, 0o600), (0o700, 0o600)] {
            let path = dir.path().join("ledger");
            std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(folder_mode)).unwrap();
            for time in ["1", "2"] {
                append(&path, &record(time, &id('a')), IN_TURN).unwrap();
                assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o777, ledger_mode, "{folder_mode:o}");
            }
            assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
            assert_eq!(std::fs::read_to_string(&path).unwrap().lines().count(), 2);
            // What is there keeps its mode.
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
            append(&path, &record("3", &id('a')), IN_TURN).unwrap();
            assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o777, 0o640);
            std::fs::remove_file(&path).unwrap();
        }
    }

    #[test]
    fn a_place_is_told_and_nothing_is_made() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ledger");
        assert_eq!(ledger_place(&path).unwrap(), LedgerPlace::ToBeMade);
        assert!(!path.exists());
        append(&path, &record("1", &id('a')), IN_TURN).unwrap();
        assert_eq!(ledger_place(&path).unwrap(), LedgerPlace::Writable);
        assert!(ledger_place(&dir.path().join("none/ledger")).is_err());
    }
}
