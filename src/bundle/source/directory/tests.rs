use super::*;
use crate::bundle::testing::{MODULE, SMALL};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use tempfile::TempDir;

/// Makes something in a directory.
type Make = fn(&Path);

fn directory(make: Make) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    make(directory.path());
    directory
}

#[test]
fn a_directory_is_read_through_its_own_links_only() {
    let directory = directory(|root| {
        fs::create_dir_all(root.join("..2026_11_21/sub")).unwrap();
        fs::create_dir_all(root.join(".git")).unwrap();
        fs::write(root.join(".git/config"), "x").unwrap();
        fs::write(root.join(".manifest"), "{}").unwrap();
        fs::write(root.join(".a.rego.swp"), "x").unwrap();
        fs::write(root.join("..2026_11_21/a.rego"), MODULE).unwrap();
        fs::write(root.join("..2026_11_21/sub/b.rego"), MODULE).unwrap();
        symlink("..2026_11_21", root.join("..data")).unwrap();
        symlink("..data/a.rego", root.join("a.rego")).unwrap();
        symlink("..data/sub", root.join("sub")).unwrap();
    });
    let files = read(directory.path(), &Limits::DEFAULT).unwrap();
    let paths: Vec<_> = files.into_keys().collect();
    assert_eq!(paths, [".manifest", "a.rego", "sub/b.rego"]);
}

#[test]
fn a_malformed_directory_is_refused_and_the_reason_says_what_to_do() {
    let cases: [(&str, Make, &str); 9] = [
        (
            "link out",
            |root| symlink("/etc/hostname", root.join("a.rego")).unwrap(),
            "`a.rego` links to something outside the bundle: copy it into the bundle",
        ),
        (
            "link up",
            |root| symlink("..", root.join("up")).unwrap(),
            "`up` links to something outside the bundle: copy it into the bundle",
        ),
        (
            "link loop",
            |root| symlink(".", root.join("self")).unwrap(),
            "`self/self/self/self/self` lies deeper than 3 directories: move it up, or remove a link loop",
        ),
        (
            "dangling link",
            |root| symlink("gone", root.join("a.rego")).unwrap(),
            "`ROOT/a.rego` does not exist: check the bundle's path",
        ),
        (
            "socket",
            |root| drop(UnixListener::bind(root.join("s")).unwrap()),
            "`s` is neither a file nor a directory: leave it out of the bundle",
        ),
        (
            "large file",
            |root| fs::write(root.join("a.rego"), [b'#'; 1025]).unwrap(),
            "`a.rego` is larger than 1024 bytes: split it or leave it out",
        ),
        (
            "many files",
            |root| (0..6).for_each(|n| fs::write(root.join(n.to_string()), "").unwrap()),
            "the bundle has more than 5 files and directories: split it",
        ),
        (
            "backslash",
            |root| fs::write(root.join("a\\b.rego"), MODULE).unwrap(),
            "`a\\b.rego` has a backslash in its path: rename the file",
        ),
        (
            "not UTF-8",
            |root| {
                fs::write(
                    root.join(std::ffi::OsStr::from_bytes(b"a\xff.rego")),
                    MODULE,
                )
                .unwrap()
            },
            "`a\u{fffd}.rego` has invalid UTF-8 in its path: rename the file",
        ),
    ];
    for (name, make, expected) in cases {
        let directory = directory(make);
        let found = read(directory.path(), &SMALL).unwrap_err().to_string();
        let root = directory.path().canonicalize().unwrap();
        assert_eq!(
            found,
            expected.replace("ROOT", root.to_str().unwrap()),
            "{name}"
        );
    }
}

#[test]
fn a_directory_larger_than_a_bundle_may_be_is_refused() {
    let directory = directory(|root| {
        (0..4).for_each(|n| fs::write(root.join(n.to_string()), [b'#'; 1000]).unwrap());
    });
    let limits = Limits {
        bundle_bytes_max: 3999,
        ..SMALL
    };
    let error = read(directory.path(), &limits).unwrap_err();
    assert!(matches!(
        error,
        SourceError::BundleTooLarge { bytes_max: 3999 }
    ));
    let limits = Limits {
        bundle_bytes_max: 4000,
        ..SMALL
    };
    assert_eq!(read(directory.path(), &limits).unwrap().len(), 4);
}

#[test]
fn a_fingerprint_changes_with_the_files() {
    let directory = directory(|root| fs::write(root.join("a.rego"), MODULE).unwrap());
    let root = directory.path();
    let before = fingerprint(root);
    assert!(before.is_some());
    assert_eq!(fingerprint(root), before);
    // Same size: only times and inodes tell.
    fs::write(root.join("new"), "package b\n").unwrap();
    fs::rename(root.join("new"), root.join("a.rego")).unwrap();
    assert_ne!(fingerprint(root), before);
    assert_eq!(fingerprint(&root.join("gone")), None);
}

#[test]
fn a_directory_that_changes_while_it_is_read_is_read_again() {
    let directory = directory(|root| fs::write(root.join("a.rego"), "1").unwrap());
    let file = directory.path().join("a.rego");
    let mut reads = 0;
    let files = read_while(directory.path(), &SMALL, || {
        reads += 1;
        if reads < READ_TRIES_MAX {
            fs::write(&file, "0".repeat(reads + 1)).unwrap();
        }
    });
    assert_eq!(files.unwrap()["a.rego"], b"00000");
    assert_eq!(reads, READ_TRIES_MAX);
}

#[test]
fn a_directory_that_keeps_changing_is_refused() {
    let directory = directory(|root| fs::write(root.join("a.rego"), "1").unwrap());
    let mut reads = 0;
    let error = read_while(directory.path(), &Limits::DEFAULT, || {
        reads += 1;
        fs::write(directory.path().join(reads.to_string()), "").unwrap();
    });
    let expected = format!(
        "`{}` kept changing while it was read (5 times): write elsewhere and rename into place",
        directory.path().display()
    );
    assert_eq!(error.unwrap_err().to_string(), expected);
}
