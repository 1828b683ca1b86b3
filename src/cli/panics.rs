//! What is said where the program itself is wrong, and what is not left behind then.

use std::panic::PanicHookInfo;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::{Exit, output};

/// From here on a panic is told as an error is, masked and in a line, and ends the process as what could not be read does:
/// whatever it was about to say is not known.
pub(super) fn tell() {
    std::panic::set_hook(Box::new(|panic| {
        let hint = "what it had not told by then is not known; please report it, with this line and the version";
        output::error(&words(panic), Some(hint));
        std::process::exit(Exit::Incomplete.code().into());
    }));
}

/// From here on no core file is written, whatever ends the process: keys are in its memory, and would be on a disk then,
/// where the next collector of crashes takes them along.
pub(super) fn leave_no_core() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Core);
    // A limit can always be lowered.
    _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum });
}

fn words(panic: &PanicHookInfo<'_>) -> String {
    let payload = panic.payload();
    let text = payload.downcast_ref::<&str>().copied().or(payload.downcast_ref::<String>().map(String::as_str));
    // The path of another's source is one of the machine that it was built on.
    let place = panic.location().filter(|place| place.file().starts_with("src/"));
    let place = place.map_or(String::new(), |place| format!(" ({}:{})", place.file(), place.line()));
    format!("this is a bug in clerk-audit{place}: {}", text.unwrap_or("it gives no reason"))
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[test]
    fn a_panic_is_told_with_its_place() {
        let told = Arc::new(Mutex::new(String::new()));
        let (to, before) = (told.clone(), std::panic::take_hook());
        let line = line!() + 3;
        std::panic::set_hook(Box::new(move |panic| *to.lock().unwrap() = words(panic)));
        // On a thread of its own, since the hook is everybody's.
        let ended = std::thread::spawn(|| panic!("{} is wrong", "it")).join();
        std::panic::set_hook(before);
        assert!(ended.is_err());
        let told = told.lock().unwrap();
        assert!(told.ends_with(&format!("src/cli/panics.rs:{line}): it is wrong")), "{told}");
    }
}
