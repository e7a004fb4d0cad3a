use super::*;

fn read(source: &str) -> Result<PackageMetadata, String> {
    let line = source
        .lines()
        .position(|line| line.starts_with("package "))
        .map_or(1, |at| u32::try_from(at).unwrap() + 1);
    package_metadata("p.rego", source, line).map_err(|finding| finding.to_string())
}

fn servers(names: &[&str]) -> Option<Vec<String>> {
    Some(names.iter().map(|name| (*name).to_owned()).collect())
}

#[test]
fn reads_what_a_package_declares() {
    let full = read(
        "# Copyright\n# METADATA\n# title: Contracts\n# description: Who may sign\n# authors:\n#  - x\n\
         # custom:\n#   other: {a: 1}\n#   toolgate:\n#     servers: [mail, crm, crm]\n\
         #     enforcement: shadow\n\npackage policies.a\n\n# METADATA\n# title: rule\nx := 1\n",
    );
    assert_eq!(
        full,
        Ok(PackageMetadata {
            title: Some("Contracts".to_owned()),
            description: Some("Who may sign".to_owned()),
            servers: servers(&["crm", "mail"]),
            enforcement: Some(Enforcement::Shadow),
        })
    );
    for source in [
        "package policies.a\n",
        "# METADATA\npackage policies.a\n",
        "# The servers: see below\n# Metadata\npackage policies.a\n",
        "# METADATA\n# scope: subpackages\n# title: x\npackage policies.a\n",
    ] {
        assert_eq!(read(source), Ok(PackageMetadata::default()), "{source}");
    }
    let two = "# METADATA\n# scope: subpackages\n# title: x\n\n#METADATA\n#custom: {toolgate: {servers: [a]}}\npackage policies.a\n";
    assert_eq!(read(two).unwrap().servers, servers(&["a"]));
}

#[test]
fn refuses_what_would_silently_not_hold() {
    for (block, expected) in [
        (
            "# METADATA\n# title: [\n",
            "p.rego:2:10: the metadata is no YAML of OPA's form: ",
        ),
        (
            "# METADATA\n# just text\n",
            "p.rego:1:1: the metadata is no YAML of OPA's form: ",
        ),
        (
            "# METADATA\n# custom: 3\n",
            "p.rego:2:11: the metadata is no YAML of OPA's form: ",
        ),
        (
            "# METADATA\n# title: a\n# title: b\n",
            "p.rego:3:3: the metadata is no YAML of OPA's form: ",
        ),
        (
            "# METADATA\n# custom:\n#   toolgate:\n#     server: [a]\n",
            "p.rego:4:7: unknown key `server` in `custom.toolgate` [metadata]\n  write `servers`",
        ),
        (
            "# METADATA\n# custom:\n#   toolgate:\n#     colour: red\n",
            "p.rego:4:7: unknown key `colour` in `custom.toolgate` [metadata]\n  known keys: enforcement, servers",
        ),
        (
            "# METADATA\n# custom:\n#   tollgate: {servers: [a]}\n",
            "p.rego:3:5: unknown key `tollgate` [metadata]\n  write `toolgate`",
        ),
        (
            "# METADATA\n# cutsom:\n#   toolgate: {servers: [a]}\n",
            "p.rego:2:3: unknown key `cutsom` [metadata]\n  write `custom`",
        ),
        (
            "# METADATA\n# custom:\n#   toolgate:\n#     servers: crm\n",
            "p.rego:4:16: `custom.toolgate.servers` is not a list of server names [metadata]\n  write `servers: [crm, mail]`; leave it out for every server",
        ),
        (
            "# METADATA\n# custom:\n#   toolgate:\n#     servers: []\n",
            "p.rego:4:16: `custom.toolgate.servers` is not a list of server names [metadata]\n  write `servers: [crm, mail]`; leave it out for every server",
        ),
        (
            "# METADATA\n# custom:\n#   toolgate:\n#     enforcement: off\n",
            "p.rego:4:20: `custom.toolgate.enforcement` is neither `enforce` nor `shadow` [metadata]\n  write `enforcement: enforce` or `enforcement: shadow`",
        ),
        (
            "# METADATA\n# scope: rule\n",
            "p.rego:2:10: scope `rule` above `package` [metadata]\n  write `scope: package`, or leave it out",
        ),
        (
            "# METADATA\n# scope: subpackages\n# custom: {toolgate: {enforcement: shadow}}\n",
            "p.rego:2:10: scope `subpackages` above `package` [metadata]\n  write `scope: package`, or leave it out",
        ),
        (
            "# METADATA\n# title: a\n\n# METADATA\n# title: b\n",
            "p.rego:4:1: a second `# METADATA` block above `package` [metadata]\n  keep one block above `package` and put everything into it",
        ),
        (
            "# METDATA\n# custom: {toolgate: {servers: [a]}}\n",
            "p.rego:1:1: `# METDATA` begins no block, and so what is below it declares nothing [metadata]\n  write `# METADATA`",
        ),
        (
            "# METADATA:\n# title: a\n",
            "p.rego:1:1: `# METADATA:` begins no block, and so what is below it declares nothing [metadata]\n  write `# METADATA`",
        ),
        (
            "## metadata\n# title: a\n",
            "p.rego:1:1: `## metadata` begins no block, and so what is below it declares nothing [metadata]\n  write `# METADATA`",
        ),
        (
            "# custom:\n#   toolgate:\n#     servers: [a]\n",
            "p.rego:2:1: `toolgate` stands in no `# METADATA` block, and so declares nothing [metadata]\n  begin the block with `# METADATA`, and leave no blank line in it",
        ),
        (
            "# METADATA\n# title: a\n\n# custom:\n#   toolgate: {servers: [a]}\n",
            "p.rego:5:1: `toolgate` stands in no `# METADATA` block, and so declares nothing [metadata]\n  begin the block with `# METADATA`, and leave no blank line in it",
        ),
        (
            "# METADATA\n# servers: [a]\n",
            "p.rego:2:3: `servers` declares nothing: it is not where toolgate reads it [metadata]\n  write\n  # custom:\n  #   toolgate:\n  #     servers: …",
        ),
        (
            "# METADATA\n# custom:\n#   enforcement: shadow\n",
            "p.rego:3:5: `custom.enforcement` declares nothing: it is not where toolgate reads it [metadata]\n  write\n  # custom:\n  #   toolgate:\n  #     enforcement: …",
        ),
        (
            "# METADATA\n# toolgate:\n#   servers: [a]\n",
            "p.rego:2:3: `toolgate` declares nothing: it is not where toolgate reads it [metadata]\n  write\n  # custom:\n  #   toolgate: …",
        ),
        (
            "  # METADATA\n  # title: a\n",
            "p.rego:1:3: `# METADATA` does not begin in the first column, and so declares nothing [metadata]\n  move the block to the first column",
        ),
    ] {
        let found = read(&format!("{block}package policies.a\n")).unwrap_err();
        assert!(found.starts_with(expected), "{block}\n{found}");
    }
    let below = "package policies.a\n\n# METADATA\n# custom: {toolgate: {servers: [a]}}\nx := 1\n";
    assert_eq!(
        read(below).unwrap_err(),
        "p.rego:3:1: `custom.toolgate` below `package` declares nothing [metadata]\n  move it into the `# METADATA` block above `package`"
    );
}

#[test]
fn the_size_of_a_block_is_bounded() {
    let long = format!("# METADATA\n# title: {}\n", "x".repeat(MAX_METADATA_BYTES));
    let found = read(&format!("{long}package policies.a\n")).unwrap_err();
    assert!(
        found.starts_with("p.rego:2:1: a `# METADATA` block has more"),
        "{found}"
    );
    let deep = format!(
        "# METADATA\n# custom: {}{}\npackage policies.a\n",
        "[".repeat(40),
        "]".repeat(40)
    );
    assert!(read(&deep).is_err());
    let bomb = "# METADATA\n# custom:\n#   a: &a [1,1,1,1,1,1,1,1,1,1]\n#   b: &b [*a,*a,*a,*a,*a,*a,*a,*a]\n#   c: &c [*b,*b,*b,*b,*b,*b,*b,*b]\n#   d: [*c,*c,*c,*c,*c,*c,*c]\npackage policies.a\n";
    assert!(read(bomb).is_err());
}

#[test]
fn modules_of_one_package_agree() {
    let with = |servers: Option<Vec<String>>, enforcement| PackageMetadata {
        servers,
        enforcement,
        ..PackageMetadata::default()
    };
    let titled = PackageMetadata {
        title: Some("t".to_owned()),
        ..PackageMetadata::default()
    };
    let merged = merge([
        ("a.rego", 3, titled.clone()),
        ("b.rego", 1, with(servers(&["a"]), None)),
        (
            "c.rego",
            1,
            with(servers(&["a"]), Some(Enforcement::Shadow)),
        ),
    ]);
    assert_eq!(
        merged,
        Ok(PackageMetadata {
            servers: servers(&["a"]),
            enforcement: Some(Enforcement::Shadow),
            ..titled
        })
    );
    for (second, key) in [
        (with(servers(&["a", "b"]), None), "servers"),
        (with(None, Some(Enforcement::Shadow)), "enforcement"),
    ] {
        let first = with(servers(&["a"]), Some(Enforcement::Enforce));
        let found = merge([("a.rego", 3, first), ("b.rego", 7, second)]).unwrap_err();
        assert_eq!(
            found.to_string(),
            format!(
                "b.rego:7:1: `custom.toolgate.{key}` differs from what `a.rego` declares for the same package [metadata]\n  declare `{key}` in one module of the package only"
            )
        );
    }
}
