use super::{Cli, Exit};
use clap::{Command, CommandFactory};
use std::process::ExitCode;

const REFERENCE: &str = include_str!("../../docs/cli.md");

/// The table of a command's options, as `docs/cli.md` has to have it.
fn table(path: &str, command: &Command) -> String {
    let mut text = format!("## `{path}`\n\n| argument | what it is |\n|---|---|\n");
    for argument in command.get_arguments() {
        let id = argument.get_id();
        if argument.is_hide_set() || argument.is_global_set() || id == "help" || id == "version" {
            continue;
        }
        let shown = argument.to_string().replace("...", "");
        let help = argument.get_help().map(ToString::to_string);
        let help = help.unwrap_or_default().replace('|', "\\|");
        text.push_str(&format!("| `{}` | {help} |\n", shown.trim_end()));
    }
    text
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
    let missing: Vec<&String> = found
        .iter()
        .filter(|table| {
            !REFERENCE.contains(table.trim_end_matches("| argument | what it is |\n|---|---|\n"))
        })
        .collect();
    let missing: Vec<&str> = missing.iter().map(|table| table.as_str()).collect();
    assert!(
        missing.is_empty(),
        "docs/cli.md must have:\n\n{}",
        missing.join("\n")
    );
    let sections = REFERENCE.matches("\n## `toolgate").count();
    assert_eq!(
        sections,
        found.len(),
        "docs/cli.md has a command that there is not"
    );
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
