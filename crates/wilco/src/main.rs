//! The program. Everything is in the library, so that a bot of one's own is the same program.

use std::process::ExitCode;

fn main() -> ExitCode {
    wilco::main()
}
