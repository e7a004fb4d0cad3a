//! The command line: one file a subcommand.
//!
//! Exit codes: 0 done (for `decide`: granted), 1 a failure at run time, 2 unusable input or
//! configuration, 3 the answer is no (a deny, a failed test), 64 wrong usage. `audit verify` ends
//! with 1 if a log is broken, so that 0, 1 and 2 are all that an auditor has to know.

mod audit;
mod bench;
mod bundles;
mod check;
mod decide;
mod demo;
mod document;
mod eval;
mod findings;
mod output;
mod policy;
mod serve;
mod shim;
mod test;
#[cfg(test)]
mod tests;
mod tree;
mod version;
mod watch;
mod wrap;

pub use output::{Format, Output};

use clap::{CommandFactory, Parser, Subcommand};
use std::process::ExitCode;

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Done; of `decide`: granted.
    Done,
    /// Something failed at run time; of `audit verify`: a log is broken.
    Failure,
    /// Input or configuration cannot be used.
    Unusable,
    /// The answer is no: a deny, a failed test.
    No,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Done => 0,
            Exit::Failure => 1,
            Exit::Unusable => 2,
            Exit::No => 3,
        })
    }
}

/// Wrong usage (EX_USAGE of sysexits).
const EXIT_USAGE: u8 = 64;

/// A failure to be told: what and how the command ends.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct CliError {
    message: String,
    exit: Exit,
}

impl CliError {
    /// A failure at run time.
    pub fn failure(error: impl std::fmt::Display) -> Self {
        Self {
            message: error.to_string(),
            exit: Exit::Failure,
        }
    }

    /// Input or configuration that cannot be used.
    pub fn unusable(error: impl std::fmt::Display) -> Self {
        Self {
            message: error.to_string(),
            exit: Exit::Unusable,
        }
    }
}

/// Policy decisions for MCP tool calls: Rego in, verdicts out, everything recorded.
#[derive(Debug, Parser)]
#[command(name = "toolgate", version, arg_required_else_help = true)]
struct Cli {
    /// How results are printed; `table` where standard output is a terminal, else `text`.
    #[arg(long, global = true, value_enum)]
    output: Option<Format>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve decisions over gRPC.
    Serve(serve::Serve),
    /// Enforce decisions in front of an MCP server.
    Shim(shim::Shim),
    Wrap(wrap::Wrap),
    Decide(decide::Decide),
    Explain(decide::Explain),
    Check(check::Check),
    Eval(eval::Eval),
    Test(test::Test),
    Bench(bench::Bench),
    #[command(subcommand)]
    Policy(policy::Policy),
    #[command(subcommand)]
    Audit(Box<audit::Audit>),
    /// Print the version, the engine's, and the platform.
    Version,
    /// Show it all: decisions, a shim before an MCP server, a policy changed, the log verified.
    Demo(demo::Demo),
    /// The demo's MCP server.
    #[command(hide = true)]
    DemoServer,
    /// Say which formatter to use: `opa fmt`.
    Fmt {
        /// Not looked at.
        #[arg(
            value_name = "PATH",
            allow_hyphen_values = true,
            trailing_var_arg = true
        )]
        paths: Vec<String>,
    },
    /// Print shell completions.
    Completions {
        /// For which shell.
        shell: clap_complete::Shell,
    },
}

/// Parses the arguments and runs the command.
#[must_use]
pub fn run() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are no errors, and go to standard output.
            let _printed = error.print();
            return if error.use_stderr() {
                EXIT_USAGE.into()
            } else {
                ExitCode::SUCCESS
            };
        }
    };
    let output = Output::new(cli.output);
    if output.format == Format::Junit && !matches!(cli.command, Command::Test(_)) {
        output.error("`--output junit` is for `toolgate test` alone");
        return EXIT_USAGE.into();
    }
    match dispatch(cli.command, &output) {
        Ok(exit) => exit.into(),
        Err(error) => {
            output.error(&error.message);
            error.exit.into()
        }
    }
}

fn dispatch(command: Command, output: &Output) -> Result<Exit, CliError> {
    match command {
        Command::Serve(serve) => serve.run(output),
        Command::Shim(shim) => shim.run(output),
        Command::Wrap(wrap) => wrap.run(output),
        Command::Decide(decide) => decide.run(output),
        Command::Explain(explain) => explain.run(output),
        Command::Check(check) => check.run(output),
        Command::Eval(eval) => eval.run(output),
        Command::Test(test) => test.run(output),
        Command::Bench(bench) => bench.run(output),
        Command::Fmt { .. } => Err(CliError::unusable(
            "toolgate has no formatter of its own: policies are plain Rego v1, write `opa fmt --write PATH`",
        )),
        Command::Policy(policy) => policy.run(output),
        Command::Audit(audit) => audit.run(output),
        Command::Version => Ok(version::run(output)),
        Command::Demo(demo) => demo.run(output),
        Command::DemoServer => demo::run_server(),
        Command::Completions { shell } => {
            let mut command = Cli::command();
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut command, "toolgate", &mut script);
            output.line(String::from_utf8_lossy(&script).trim_end());
            Ok(Exit::Done)
        }
    }
}
