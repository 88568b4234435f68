//! The command worker with real programs.
//!
//! The launcher is the executable that a worker is given, started anew; its `main` has to begin with
//! `launcher::intercept()`. This test executable does exactly that, as `wilco` does, so no program
//! has to be built for the tests alone. That is why the harness is not the built-in one.

#![allow(clippy::unwrap_used, reason = "a test may stop at whatever is not as it expects")]
#![allow(clippy::disallowed_methods, reason = "processes live in real time, so these tests do, too")]

mod ends;
mod files;
mod input;
mod stage;
mod stops;

use std::future::Future;
use std::process::ExitCode;
use std::time::Duration;

use libtest_mimic::{Arguments, Trial};

/// No test takes longer than a few seconds; one that hangs fails instead.
const LIMIT: Duration = Duration::from_secs(60);

fn main() -> ExitCode {
    if let Some(code) = wilco_loop::launcher::intercept() {
        std::process::exit(code);
    }
    if std::env::args().nth(1).as_deref() == Some(stops::BOT) {
        return block_on(stops::bot());
    }
    let mut trials = Vec::new();
    macro_rules! trials {
        ($($module:ident :: $test:ident),* $(,)?) => {
            $(trials.push(Trial::test(concat!(stringify!($module), "::", stringify!($test)), || {
                block_on(async { tokio::time::timeout(LIMIT, $module::$test()).await.map_err(|_| "it hangs".into()) })
            }));)*
        };
    }
    trials![
        ends::exit_zero_shows_the_end_of_stdout,
        ends::a_long_output_shows_its_end_and_attaches_the_log,
        ends::a_failure_is_its_exit_code_and_its_last_lines,
        ends::a_signal_is_named,
        ends::a_program_that_is_not_there_is_a_sentence,
        ends::a_working_directory_that_is_not_there_is_a_sentence,
        ends::directives_are_progress_and_not_output,
        ends::a_line_of_nine_mebibytes_is_cut_and_the_job_goes_on,
        ends::a_line_of_thirty_mebibytes_ends_the_job,
        ends::more_than_ten_mebibytes_end_the_job,
        ends::stderr_is_progress_where_that_is_configured,
        input::no_shell_ever_sees_an_argument,
        input::the_environment_is_clean,
        input::limits_and_no_new_privileges_reach_the_command,
        input::limits_hold_without_being_configured,
        input::without_questions_stdin_is_empty,
        input::an_answer_comes_back_on_stdin,
        input::the_documented_example_does_what_it_says,
        input::questions_wait_for_one_another,
        input::a_broken_or_refused_question_ends_the_job,
        files::the_output_folder_is_delivered_within_its_limits,
        files::the_log_is_one_of_the_ten_files,
        files::a_result_file_is_the_result,
        files::a_missing_result_file_is_told,
        files::files_of_a_failed_job_are_delivered_too,
        stops::c1_a_cancel_asks_before_it_kills,
        stops::c1_a_command_that_ignores_the_request_is_killed,
        stops::c1_a_cancel_reaches_those_who_left_the_group,
        stops::c1_a_result_that_was_there_first_stands,
        stops::c10_what_a_command_leaves_running_ends_with_it,
        stops::c10_a_dropped_job_is_gone_within_a_second,
        stops::c10_a_killed_bot_leaves_nothing_running,
        stops::c10_a_killed_launcher_is_told_and_takes_everybody_with_it,
    ];
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}
