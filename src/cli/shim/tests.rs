use super::*;

/// The references list every option, with what it takes, and no other.
#[test]
fn the_documentation_lists_every_option() {
    let stdio = Stdio::augment_args(clap::Command::new("stdio"));
    let http = http::Http::augment_args(clap::Command::new("http"));
    lists("docs/shim.md", &stdio, 0);
    // Those of all shims are in the other reference.
    let common = Common::augment_args(clap::Command::new("common"));
    lists("docs/shim-http.md", &http, common.get_arguments().count());
}

fn lists(path: &str, command: &clap::Command, skipped: usize) {
    let page = std::fs::read_to_string(path).unwrap();
    let (_, rest) = page.split_once("\n## Options\n").unwrap();
    let text = rest.split("\n## ").next().unwrap();
    let documented = text.lines().filter_map(|line| {
        let cell = line.strip_prefix("| `--")?;
        Some(format!("--{}", cell.split_once('`')?.0))
    });
    let documented: Vec<_> = documented.collect();
    let options = command
        .get_arguments()
        .skip(skipped)
        .filter_map(|argument| {
            let long = argument.get_long()?;
            let value = match argument.get_action().takes_values() {
                true => argument.get_value_names().unwrap()[0].to_string(),
                false => String::new(),
            };
            Some(format!("--{long} {value}").trim().to_owned())
        });
    let options: Vec<_> = options.filter(|it| !it.starts_with("--help")).collect();
    assert_eq!(documented, options);
    for argument in command.get_arguments().skip(skipped) {
        for default in argument.get_default_values() {
            let default = default.to_str().unwrap();
            let row = format!("| `--{}", argument.get_long().unwrap());
            let row = text.lines().find(|line| line.starts_with(&row)).unwrap();
            assert!(row.contains(&format!("`{default}`")), "{row}: {default}");
        }
    }
}
