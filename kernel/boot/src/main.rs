//! The program `urbis`: reads the command line, puts the crates together, ends with 0 (done), 1 (refused or failed, one
//! line on standard error) or 2 (usage). Nothing is decided here that another crate could decide.

mod cli;
mod config;
mod logging;
mod memory;
mod remote;
mod run;
mod say;

use std::process::ExitCode;

use clap::Parser;

use crate::cli::{Cli, Command, ProveCommand};

fn main() -> ExitCode {
    let cli = Cli::parse();
    match dispatch(cli) {
        Ok(()) => ExitCode::SUCCESS,
        // `urbis sql ... | head`: whoever asked has seen enough.
        Err(error) if has_left(&error) => ExitCode::SUCCESS,
        Err(error) => {
            let line = format!("{error:#}").replace('\n', " ");
            say::warn(format_args!("{line}"));
            ExitCode::FAILURE
        }
    }
}

/// Whether it failed because nobody reads standard output any more.
fn has_left(error: &anyhow::Error) -> bool {
    let broken = |cause: &(dyn std::error::Error + 'static)| {
        cause.downcast_ref::<std::io::Error>().is_some_and(|e| e.kind() == std::io::ErrorKind::BrokenPipe)
    };
    error.chain().any(broken) && format!("{error:#}").contains("standard output")
}

fn dispatch(cli: Cli) -> anyhow::Result<()> {
    match cli.command {
        Command::Demo(args) => run::demo::demo(args),
        Command::Serve(args) => run::serve::serve(args),
        Command::Import(args) => run::import::import(&args),
        Command::Sql(args) => run::sql::sql(&args),
        Command::Export(args) => run::export::export(&args),
        Command::Code { command } => run::code::code(&command),
        Command::Assembly { command } => run::assembly::assembly(&command),
        Command::Key { command } => run::key::key(&command),
        Command::Prove { command: ProveCommand::Area(args) } => run::prove::area(&args),
        Command::Verify(args) => run::verify::verify(&args),
        Command::Audit(args) => run::audit::audit(&args),
        Command::Asset(args) => run::asset::asset(&args),
        Command::Identity(args) => run::asset::identity(&args),
        Command::RotateKey(args) => run::asset::rotate_key(&args),
        Command::Check(args) => run::check::check(&args),
        Command::Backup(args) => run::backup::backup(&args),
        Command::Restore(args) => run::backup::restore(&args),
        Command::Compact(args) => run::compact::compact(&args),
        Command::Retain(args) => run::retain::retain(&args),
        Command::Render(args) => run::render::render(&args),
    }
}
