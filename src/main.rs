//! The thin binary: parse, run, exit.

use std::process::ExitCode;

fn main() -> ExitCode {
    clerk_audit::cli::main()
}
