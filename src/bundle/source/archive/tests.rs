use super::*;
use crate::bundle::testing::{MODULE, SMALL, archive, entry, file, gzip, tar_of};
use proptest::prelude::*;
use tar::{Builder, Header};

fn refusal(bytes: &[u8]) -> String {
    read_archive_within(bytes, &SMALL).unwrap_err().to_string()
}

#[test]
fn an_archive_has_one_spelling_for_each_file() {
    let bytes = archive(vec![
        entry(EntryType::XGlobalHeader, b"pax_global_header", b""),
        entry(EntryType::Directory, b"./a/", b""),
        file("/.manifest", b"{}"),
        file("./a//./b.rego", MODULE),
    ]);
    let files = read_archive(&bytes).unwrap();
    let expected = [(".manifest", b"{}".as_slice()), ("a/b.rego", MODULE)];
    let expected = expected.map(|(path, content)| (path.to_owned(), content.to_vec()));
    assert_eq!(files, Files::from(expected));
}

#[test]
fn a_long_name_of_either_dialect_is_read() {
    let long = format!("{}/b.rego", "x".repeat(150));
    let mut builder = Builder::new(Vec::new());
    let mut header = Header::new_gnu();
    header.set_size(MODULE.len() as u64);
    header.set_mode(0o644);
    builder.append_data(&mut header, &long, MODULE).unwrap();
    let pax_name = format!("{}/c.rego", "y".repeat(150));
    builder
        .append_pax_extensions([("path", pax_name.as_bytes())])
        .unwrap();
    let (header, content) = file("short", MODULE);
    builder.append(&header, content.as_slice()).unwrap();
    let files = read_archive(&gzip(&builder.into_inner().unwrap())).unwrap();
    assert_eq!(files.into_keys().collect::<Vec<_>>(), [long, pax_name]);
}

#[test]
fn a_malformed_archive_is_refused_and_the_reason_says_what_to_do() {
    let good = || file("a.rego", MODULE);
    let bad_name = |name: &[u8]| archive(vec![entry(EntryType::Regular, name, MODULE)]);
    let of_kind = |kind| archive(vec![good(), entry(kind, b"b", b"")]);
    let many = |count: usize| {
        (0..count)
            .map(|n| file(&format!("{n}.rego"), MODULE))
            .collect()
    };
    let tar = tar_of(vec![good()]);
    let gzipped = gzip(&tar);
    let mut bad_sum = tar.clone();
    bad_sum[0] ^= 1;
    let mut bad_crc = gzipped.clone();
    let crc_at = bad_crc.len() - 8;
    bad_crc[crc_at] ^= 1;
    let mut hidden = tar.clone();
    *hidden.last_mut().unwrap() = 1;
    let mut cut_content = tar_of(vec![file("a.rego", &[b'#'; 600])]);
    cut_content.truncate(1024);
    let pax_cut = {
        let mut builder = Builder::new(Vec::new());
        builder
            .append_pax_extensions([("path", b"x".as_slice())])
            .unwrap();
        builder.into_inner().unwrap()
    };

    let cases: Vec<(&str, Vec<u8>, &str)> = vec![
        (
            "parent",
            bad_name(b"../x.rego"),
            "`../x.rego` leads out of the bundle: remove `..` from its path",
        ),
        (
            "inner parent",
            bad_name(b"a/../../x.rego"),
            "`a/../../x.rego` leads out of the bundle: remove `..` from its path",
        ),
        (
            "harmless parent",
            bad_name(b"a/../x.rego"),
            "`a/../x.rego` leads out of the bundle: remove `..` from its path",
        ),
        (
            "absolute parent",
            bad_name(b"/../etc/x.rego"),
            "`/../etc/x.rego` leads out of the bundle: remove `..` from its path",
        ),
        (
            "backslash",
            bad_name(b"a\\..\\x.rego"),
            "`a\\..\\x.rego` has a backslash in its path: rename the file",
        ),
        (
            "newline",
            bad_name(b"a\nb.rego"),
            "`a\u{fffd}b.rego` has a control character in its path: rename the file",
        ),
        (
            "not UTF-8",
            bad_name(b"a\xff.rego"),
            "`a\u{fffd}.rego` has invalid UTF-8 in its path: rename the file",
        ),
        (
            "reserved",
            bad_name(b"toolgate:lib/x.rego"),
            "`toolgate:lib/x.rego` has the reserved prefix `toolgate:` in its path: rename the file",
        ),
        (
            "too deep",
            bad_name(b"a/b/c/d/x.rego"),
            "`a/b/c/d/x.rego` lies deeper than 3 directories: move it up, or remove a link loop",
        ),
        (
            "no name",
            bad_name(b"./"),
            "`./` is neither a file nor a directory: leave it out of the bundle",
        ),
        (
            "file named as directory",
            bad_name(b"a.rego/"),
            "`a.rego/` is neither a file nor a directory: leave it out of the bundle",
        ),
        (
            "symbolic link",
            of_kind(EntryType::Symlink),
            "`b` is a link: put the file itself into the archive",
        ),
        (
            "hard link",
            of_kind(EntryType::Link),
            "`b` is a link: put the file itself into the archive",
        ),
        (
            "pipe",
            of_kind(EntryType::Fifo),
            "`b` is neither a file nor a directory: leave it out of the bundle",
        ),
        (
            "character device",
            of_kind(EntryType::Char),
            "`b` is neither a file nor a directory: leave it out of the bundle",
        ),
        (
            "block device",
            of_kind(EntryType::Block),
            "`b` is neither a file nor a directory: leave it out of the bundle",
        ),
        (
            "contiguous",
            of_kind(EntryType::Continuous),
            "`b` is neither a file nor a directory: leave it out of the bundle",
        ),
        (
            "unknown type",
            of_kind(EntryType::new(b'Z')),
            "`b` is neither a file nor a directory: leave it out of the bundle",
        ),
        (
            "twice",
            archive(vec![good(), good()]),
            "`a.rego` is in the archive twice: build it again with each file once",
        ),
        (
            "twice, spelled differently",
            archive(vec![good(), file("/./a.rego", MODULE)]),
            "`a.rego` is in the archive twice: build it again with each file once",
        ),
        (
            "too many",
            archive(many(6)),
            "the bundle has more than 5 files and directories: split it",
        ),
        (
            "large file",
            archive(vec![file("a.rego", &[b'#'; 1025])]),
            "`a.rego` is larger than 1024 bytes: split it or leave it out",
        ),
        (
            "bomb",
            gzip(&vec![0; 10 << 20]),
            "the bundle is larger than 65536 bytes: split it into several bundles",
        ),
        (
            "cut gzip",
            gzipped[..gzipped.len() / 2].to_vec(),
            "the archive is cut off: build or copy it again",
        ),
        (
            "cut gzip trailer",
            gzipped[..gzipped.len() - 1].to_vec(),
            "the archive is cut off: build or copy it again",
        ),
        (
            "cut content",
            gzip(&cut_content),
            "the archive is cut off: build or copy it again",
        ),
        (
            "cut between entries",
            gzip(&tar[..1024]),
            "the archive is cut off: build or copy it again",
        ),
        (
            "half an end mark",
            gzip(&tar[..1536]),
            "the archive is cut off: build or copy it again",
        ),
        (
            "empty tar",
            gzip(b""),
            "the archive is cut off: build or copy it again",
        ),
        (
            "bytes after gzip",
            [gzipped.clone(), b"x".to_vec()].concat(),
            "the archive goes on after its end: build or copy it again",
        ),
        (
            "second gzip member",
            [gzipped.clone(), gzipped.clone()].concat(),
            "the archive goes on after its end: build or copy it again",
        ),
        (
            "bytes after tar",
            gzip(&hidden),
            "the archive goes on after its end: build or copy it again",
        ),
        (
            "header checksum",
            gzip(&bad_sum),
            "the archive is no valid tar archive: archive header checksum mismatch: build it again",
        ),
        (
            "gzip checksum",
            bad_crc,
            "the archive cannot be unpacked: corrupt gzip stream does not have a matching checksum: build or copy it again",
        ),
        (
            "no gzip",
            b"PK\x03\x04............".to_vec(),
            "the archive cannot be unpacked: invalid gzip header: build or copy it again",
        ),
        (
            "no tar",
            gzip(&[b'x'; 2048]),
            "the archive is no valid tar archive: numeric field was not a number: xxxxxxxx when getting cksum for xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx: build it again",
        ),
        (
            "description of nothing",
            gzip(&pax_cut),
            "the archive is no valid tar archive: members found describing a future member but no future member found: build it again",
        ),
        (
            "nothing",
            Vec::new(),
            "the archive is cut off: build or copy it again",
        ),
    ];
    let failed: Vec<_> = cases
        .into_iter()
        .map(|(name, bytes, expected)| (name, refusal(&bytes), expected))
        .filter(|(_, found, expected)| found != expected)
        .collect();
    assert!(failed.is_empty(), "{failed:#?}");
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
        prop_assert!(read_archive(&bytes).is_err());
        // Behind a valid gzip header and checksum, the tar reader sees them.
        let tar = gzip(&bytes);
        let _ = read_archive(&tar);
    }

    #[test]
    fn a_damaged_archive_never_panics_or_leads_out(
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..20)
    ) {
        let mut tar = tar_of(vec![file("a/b.rego", MODULE), file("c/data.json", b"{}")]);
        for (at, byte) in damage {
            let at = at.index(tar.len());
            tar[at] = byte;
        }
        if let Ok(files) = read_archive(&gzip(&tar)) {
            for path in files.keys() {
                prop_assert!(!path.is_empty() && !path.split('/').any(|name| name == ".."));
            }
        }
    }
}
