//! Programs beside git, which a machine may not have.

use std::io::Write;
use std::path::Path;
use std::process::Command;

use super::git;

/// Whether these programs are here, each named with its Debian package. Where one is not, the test that asks is to do nothing
/// more, which is told where no test's output is held back: it must not look like one that has shown something.
pub(crate) fn are_here(wanted: &[(&str, &str)]) -> bool {
    let missing: Vec<String> = wanted
        .iter()
        .filter(|(program, _)| !is_here(program))
        .map(|(program, package)| format!("{program} is not installed (package {package})"))
        .collect();
    if !missing.is_empty() {
        let thread = std::thread::current();
        let line = format!("\nskipped: {}: {}\n", thread.name().unwrap_or("a test"), missing.join(", "));
        std::io::stderr().write_all(line.as_bytes()).expect("writing to standard error");
    }
    missing.is_empty()
}

/// git finds its own commands beside PATH too.
fn is_here(program: &str) -> bool {
    let gits = git::run(git::command(Path::new("/")), &["--exec-path"], b"");
    let gits = String::from_utf8(gits).expect("UTF-8");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders = std::env::split_paths(&path).chain([Path::new(gits.trim()).to_owned()]);
    folders.any(|folder| folder.join(program).is_file())
}

/// Sends a process a signal, by the shell's own `kill`: the program of that name is in a package of its own.
pub(crate) fn signal(process: u32, name: &str) -> bool {
    Command::new("sh").args(["-c", &format!("kill -{name} {process}")]).status().expect("starting sh").success()
}
