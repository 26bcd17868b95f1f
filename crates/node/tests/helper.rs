//! The hidden subcommands that supervisor and agent start, as the real program has them; and one that
//! binds a port, for the sandbox.

use std::{fmt::Display, io::Write, process::ExitCode};

use slapos_node::{sandbox, supervise};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[1..] {
        ["node", "launch"] => {
            say(&sandbox::launch_from_stdin().line());
            u8::try_from(sandbox::LAUNCH_FAILED).map_or(ExitCode::FAILURE, ExitCode::from)
        }
        ["node", "evaluate"] => match slapos_node::evaluate::child_main() {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                say(&error);
                ExitCode::FAILURE
            }
        },
        ["node", "supervisor", "--base", base] => {
            let settings =
                supervise::SupervisorSettings { base: base.into(), program: words[0].into() };
            match supervise::run(settings) {
                Ok(()) => ExitCode::SUCCESS,
                Err(error) => {
                    say(&error);
                    ExitCode::FAILURE
                }
            }
        }
        ["bind", address] => match std::net::TcpListener::bind(address) {
            Ok(_bound) => ExitCode::SUCCESS,
            Err(error) => {
                say(&error);
                ExitCode::FAILURE
            }
        },
        _ => {
            say(&format!("unknown arguments {words:?}"));
            ExitCode::from(64)
        }
    }
}

fn say(what: &dyn Display) {
    writeln!(std::io::stderr(), "{what}").expect("standard error is a file or a pipe of a test");
}
