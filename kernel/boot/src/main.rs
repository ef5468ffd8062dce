//! The program `urbis`: reads the command line, puts the crates together, ends with 0 (done), 1 (refused or failed, one
//! line on standard error) or 2 (usage). Nothing is decided here that another crate could decide.

#![expect(clippy::print_stdout, reason = "a command line program answers on standard output")]

mod cli;
mod config;
mod logging;
mod remote;
mod run;

use std::process::ExitCode;

use clap::Parser;

use crate::cli::{Cli, Command};

fn main() -> ExitCode {
    let cli = Cli::parse();
    match dispatch(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let line = format!("{error:#}").replace('\n', " ");
            eprintln!("urbis: {line}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(cli: Cli) -> anyhow::Result<()> {
    match cli.command {
        Command::Demo(args) => run::demo::demo(args),
        Command::Serve(args) => run::serve::serve(args),
        Command::Import(args) => run::import::import(&args),
        Command::Sql(args) => run::sql::sql(&args),
        Command::Code { command } => run::code::code(&command),
        Command::Verify(args) => run::verify::verify(&args),
        Command::Check(args) => run::check::check(&args),
        Command::Render(args) => run::render::render(&args),
    }
}
