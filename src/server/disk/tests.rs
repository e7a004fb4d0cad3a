use super::*;
use std::sync::atomic::{AtomicU64, Ordering};

const MIB: u64 = 1 << 20;
/// What the file system of these tests has; `u64::MAX`: it does not say.
static FREE_MIB: AtomicU64 = AtomicU64::new(0);

fn free(dir: &Path) -> io::Result<u64> {
    assert_eq!(dir, Path::new("audit"));
    match FREE_MIB.load(Ordering::SeqCst) {
        u64::MAX => Err(io::Error::other("gone")),
        mib => Ok(mib * MIB),
    }
}

#[test]
fn too_little_room_is_seen_once_and_enough_again_only_with_some_more() {
    let metrics = Metrics::default();
    let disk = Disk::new(Path::new("audit"), 80 * MIB, free);
    let off = Disk::new(Path::new("audit"), 0, free);
    for (free_mib, is_enough, changes) in [
        (81, true, false),
        (80, true, false),
        (79, false, true),
        (10, false, false),
        // Enough again with an eighth more.
        (80, false, false),
        (89, false, false),
        (90, true, true),
        (80, true, false),
        (u64::MAX, false, true),
        (80, false, true),
        (90, true, true),
    ] {
        FREE_MIB.store(free_mib, Ordering::SeqCst);
        let told = disk.look(&metrics);
        assert_eq!(told.is_some(), changes, "{free_mib}: {told:?}");
        assert_eq!(disk.room() == Room::Enough, is_enough, "{free_mib}");
        assert_eq!(*disk.watch().borrow(), disk.room());
        assert_eq!((off.look(&metrics), off.room()), (None, Room::Enough));
        if free_mib != u64::MAX {
            let shown = format!("toolgate_audit_free_bytes {}\n", free_mib * MIB);
            assert!(metrics.text().contains(&shown), "{}", metrics.text());
        }
    }
}

#[test]
fn what_is_said_names_the_room_and_the_setting() {
    let short = Room::Short {
        free_bytes: 5 * MIB + 1,
        bytes_min: 80 * MIB,
    };
    assert_eq!(
        short.to_string(),
        "the audit log's file system is nearly full: 5 MiB are free, `audit.disk_free_mib_min` is 80"
    );
    let unknown = Room::Unknown("gone".to_owned()).to_string();
    assert!(
        unknown.ends_with("does not say its room: gone"),
        "{unknown}"
    );
}
