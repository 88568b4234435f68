//! `wilco` with crash points and the scripted platform wired in: what the kill tests kill.

fn main() -> std::process::ExitCode {
    wilco_tests::real::under_test::main()
}
