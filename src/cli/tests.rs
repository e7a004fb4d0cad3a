use super::{Cli, Exit};
use clap::{Command, CommandFactory};
use std::process::ExitCode;

const REFERENCE: &str = include_str!("../../docs/cli.md");

/// Where in it the program's own words begin.
const GENERATED: &str = "<!-- Below: written by `make golden`. -->\n";

/// The table of a command's options, as `docs/cli.md` has to have it.
fn table(path: &str, command: &Command) -> String {
    let mut rows = String::new();
    for argument in command.get_arguments() {
        let id = argument.get_id();
        if argument.is_hide_set() || argument.is_global_set() || id == "help" || id == "version" {
            continue;
        }
        let shown = argument.to_string().replace("...", "");
        let help = argument.get_help().map(ToString::to_string);
        let help = help.unwrap_or_default().replace('|', "\\|");
        rows.push_str(&format!("| `{}` | {help} |\n", shown.trim_end()));
    }
    match rows.is_empty() {
        true => format!("## `{path}`\n\nNone.\n"),
        false => format!("## `{path}`\n\n| argument | what it is |\n|---|---|\n{rows}"),
    }
}

/// Every command that has arguments, with the words that call it.
fn commands(path: &str, command: &Command, found: &mut Vec<String>) {
    if command.is_hide_set() || command.get_name() == "help" {
        return;
    }
    if command.get_subcommands().next().is_none() {
        found.push(table(path, command));
    }
    for below in command.get_subcommands() {
        commands(&format!("{path} {}", below.get_name()), below, found);
    }
}

#[test]
fn the_reference_has_every_command_and_argument() {
    let mut command = Cli::command();
    command.build();
    let mut found = Vec::new();
    commands("toolgate", &command, &mut found);
    assert!(found.len() > 10, "{found:?}");
    let (prose, written) = REFERENCE.split_once(GENERATED).unwrap();
    let found = format!("\n{}", found.join("\n"));
    if std::env::var_os("TOOLGATE_BLESS").is_some() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/cli.md");
        std::fs::write(path, format!("{prose}{GENERATED}{found}")).unwrap();
        return;
    }
    assert_eq!(written, found, "run `make golden`");
}

#[test]
fn every_command_is_well_formed() {
    Cli::command().debug_assert();
}

#[test]
fn exit_codes_are_those_of_the_reference() {
    for (exit, code) in [
        (Exit::Done, 0),
        (Exit::Failure, 1),
        (Exit::Unusable, 2),
        (Exit::No, 3),
    ] {
        assert_eq!(
            format!("{:?}", ExitCode::from(exit)),
            format!("{:?}", ExitCode::from(code))
        );
        assert!(REFERENCE.contains(&format!("\n| {code} | ")), "{code}");
    }
    assert!(REFERENCE.contains(&format!("\n| {} | ", super::EXIT_USAGE)));
}
