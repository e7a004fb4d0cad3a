use super::*;
use notify::Event;
use notify::event::{CreateKind, DataChange, Flag, ModifyKind};
use std::fs;
use std::os::unix::fs::symlink;

#[test]
fn a_way_names_each_link_and_where_it_stands() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().canonicalize().unwrap();
    let at = |name: &str| root.join(name);
    fs::create_dir_all(at("real/sub")).unwrap();
    fs::write(at("real/sub/f"), "").unwrap();
    fs::create_dir(at("links")).unwrap();
    symlink("../real", at("links/relative")).unwrap();
    symlink(at("links/relative/sub"), at("absolute")).unwrap();
    symlink("loop", at("loop")).unwrap();
    for (path, directories, links, end) in [
        ("real/sub/f", vec!["real/sub"], vec![], "real/sub/f"),
        ("real/../real/sub", vec!["real"], vec![], "real/sub"),
        (
            "links/relative/sub",
            vec!["links", "real"],
            vec!["links/relative"],
            "real/sub",
        ),
        (
            "absolute/f",
            vec!["", "links", "real/sub"],
            vec!["absolute", "links/relative"],
            "real/sub/f",
        ),
        ("real/gone/sub", vec!["real"], vec![], "real/gone"),
    ] {
        let way = Way::to(&at(path));
        let expected = Way {
            // The root of the test itself has no slash at its end.
            directories: directories
                .iter()
                .map(|d| if d.is_empty() { root.clone() } else { at(d) })
                .collect(),
            links: links.iter().map(|l| at(l)).collect(),
            end: at(end),
        };
        assert_eq!(way, expected, "{path}");
    }
    assert_eq!(Way::to(&at("loop")).links.len(), LINKS_MAX);
}

#[test]
fn only_what_can_change_a_source_counts() {
    let places = [PathBuf::from("/a/b")];
    let created = EventKind::Create(CreateKind::File);
    let written = EventKind::Modify(ModifyKind::Data(DataChange::Any));
    let opened = EventKind::Access(AccessKind::Open(AccessMode::Any));
    let read = EventKind::Access(AccessKind::Close(AccessMode::Read));
    let closed = EventKind::Access(AccessKind::Close(AccessMode::Write));
    for (kind, path, expected) in [
        (created, "/a/b", true),
        (created, "/a/b/c/d", true),
        (created, "/a", true),
        (created, "/a/bc", false),
        (created, "/a/c", false),
        (written, "/a/b/c", true),
        (closed, "/a/b/c", true),
        (opened, "/a/b/c", false),
        (read, "/a/b/c", false),
    ] {
        let event = Event::new(kind).add_path(PathBuf::from(path));
        assert_eq!(is_change(&event, &places), expected, "{kind:?} {path}");
    }
    assert!(is_change(&Event::new(EventKind::Other), &places), "no path");
    let lost = Event::new(EventKind::Other)
        .add_path(PathBuf::from("/x"))
        .set_flag(Flag::Rescan);
    assert!(is_change(&lost, &places), "events were lost");
}
