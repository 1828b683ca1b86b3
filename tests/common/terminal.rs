//! Runs the binary on a terminal of its own: util-linux's `script` has one made for it.

use std::ffi::OsStr;
use std::io::{Read as _, Write as _};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::git;

const PATIENCE: Duration = Duration::from_secs(60);

/// A run on a terminal.
pub(crate) struct Terminal {
    child: Child,
    folder: TempDir,
    shown: Arc<Mutex<Vec<u8>>>,
}

impl Terminal {
    /// Starts the binary.
    pub(crate) fn start<A: AsRef<OsStr>>(arguments: &[A]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let quoted = |text: &OsStr| format!("'{}'", text.to_str().expect("UTF-8").replace('\'', "'\\''"));
        let arguments: String = arguments.iter().map(|argument| format!(" {}", quoted(argument.as_ref()))).collect();
        // It says which terminal it has, so that one can see whether that shows what is typed.
        // And which process it is, and how it leaves the terminal.
        let at = |name: &str| quoted(folder.path().join(name).as_os_str());
        let command = format!(
            "tty > {}; stty cols 100 rows 30; trap : INT; sh -c 'echo $$ > \"$0\"; exec \"$@\"' {} {}{arguments}; code=$?; \
             stty -a > {}; exit $code",
            at("tty"),
            at("process"),
            quoted(OsStr::new(env!("CARGO_BIN_EXE_clerk-audit"))),
            at("after")
        );
        let mut child = Command::new("script")
            .args(["--quiet", "--return", "--flush", "--command", &command, "/dev/null"])
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", git::empty_home())
            .env("SHELL", "/bin/sh")
            .env("TERM", "xterm")
            .env("LC_ALL", "C.UTF-8")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("starting script");
        let mut output = child.stdout.take().expect("a pipe from script");
        let shown = Arc::new(Mutex::new(Vec::new()));
        let into = shown.clone();
        std::thread::spawn(move || {
            let mut some = [0; 4096];
            while let Ok(count @ 1..) = output.read(&mut some) {
                into.lock().expect("what is shown").extend_from_slice(&some[..count]);
            }
        });
        Self { child, folder, shown }
    }

    /// All that the terminal shows.
    pub(crate) fn shown(&self) -> String {
        String::from_utf8_lossy(&self.shown.lock().expect("what is shown")).into_owned()
    }

    /// Waits until it shows this.
    pub(crate) fn wait_for(&self, text: &str) {
        self.wait(text, || self.shown().contains(text));
    }

    /// Waits until what is typed is not shown any more.
    pub(crate) fn wait_for_no_echo(&self) {
        self.wait("no echo", || {
            let tty = std::fs::read_to_string(self.folder.path().join("tty")).unwrap_or_default();
            let told = Command::new("stty").arg("-F").arg(PathBuf::from(tty.trim())).arg("-a").output();
            told.is_ok_and(|told| String::from_utf8_lossy(&told.stdout).split_whitespace().any(|word| word == "-echo"))
        });
    }

    /// Sends it a signal, by the signal's name.
    pub(crate) fn signal(&self, name: &str) {
        let process = std::fs::read_to_string(self.folder.path().join("process")).expect("its number");
        let sent = Command::new("kill").args(["-s", name, process.trim()]).status().expect("kill");
        assert!(sent.success());
    }

    /// Waits for its end, and says how it left the terminal: the words of `stty`.
    pub(crate) fn settings_after(mut self) -> (Option<i32>, Vec<String>) {
        let code = self.wait_for_end();
        let after = std::fs::read_to_string(self.folder.path().join("after")).expect("what stty says");
        (code, after.split_whitespace().map(str::to_owned).collect())
    }

    fn wait(&self, what: &str, is_so: impl Fn() -> bool) {
        let started = Instant::now();
        while !is_so() {
            assert!(started.elapsed() < PATIENCE, "waiting for {what}: {}", self.shown());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Types.
    pub(crate) fn types(&mut self, text: &str) {
        let keyboard = self.child.stdin.as_mut().expect("a pipe to script");
        keyboard.write_all(text.as_bytes()).and_then(|()| keyboard.flush()).expect("typing");
    }

    /// Waits for its end: its exit code, and all that was shown.
    pub(crate) fn end(mut self) -> (Option<i32>, String) {
        let code = self.wait_for_end();
        // What it wrote last comes through the pipe a moment later.
        std::thread::sleep(Duration::from_millis(200));
        (code, self.shown())
    }

    fn wait_for_end(&mut self) -> Option<i32> {
        let started = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("waiting for script") {
                return status.code();
            }
            assert!(started.elapsed() < PATIENCE, "it does not end: {}", self.shown());
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        _ = self.child.kill();
    }
}
