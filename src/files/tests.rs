use super::faulty::{Disk, Plan};
use super::*;

/// Takes one byte at a time, and is interrupted every other time.
struct Slow(Vec<u8>, bool);

impl Append for Slow {
    fn append(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.1 = !self.1;
        if self.1 {
            return Err(io::ErrorKind::Interrupted.into());
        }
        self.0.push(bytes[0]);
        Ok(1)
    }

    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn short_and_interrupted_writes_are_continued() {
    let mut slow = Slow(Vec::new(), false);
    append_all(&mut slow, b"twelve bytes").unwrap();
    assert_eq!(slow.0, b"twelve bytes");
}

#[test]
fn a_file_that_takes_nothing_is_an_error() {
    struct Stuck;
    impl Append for Stuck {
        fn append(&mut self, _: &[u8]) -> io::Result<usize> {
            Ok(0)
        }
        fn sync(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let error = append_all(&mut Stuck, b"x").unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::WriteZero);
}

/// Whatever fails, and wherever the power fails, the file is the old one or the new one.
#[test]
fn replacing_leaves_the_old_file_or_the_new_one() {
    let path = Path::new("/key");
    for operation in 0..6 {
        for (fail_at, crash_at) in [(Some(operation), None), (None, Some(operation))] {
            for seed in 0..8 {
                let disk = Disk::new();
                replace(&disk, path, b"old").unwrap();
                disk.set(Plan {
                    fail_at,
                    crash_at,
                    seed,
                    ..Plan::default()
                });
                let replaced = replace(&disk, path, b"new");
                disk.set(Plan::default());
                disk.crash();
                let content = disk.read(path, 10).unwrap();
                let what = format!("operation {operation}, {replaced:?}: {content:?}");
                assert!(
                    content == b"new" || content == b"old" && replaced.is_err(),
                    "{what}"
                );
                replace(&disk, path, b"again").unwrap();
            }
        }
    }
}

#[test]
fn files_of_the_operating_system() {
    let dir = tempfile::tempdir().unwrap();
    let deep = dir.path().join("a/b/c");
    create_dir(&OsFiles, &deep).unwrap();
    create_dir(&OsFiles, &deep).unwrap();
    let path = deep.join("file");
    let mut file = create(&OsFiles, &path).unwrap();
    append_all(file.as_mut(), b"one").unwrap();
    file.sync().unwrap();
    let again = create(&OsFiles, &path).map(drop).unwrap_err();
    assert_eq!(again.kind(), io::ErrorKind::AlreadyExists);
    append_all(OsFiles.open(&path).unwrap().as_mut(), b"two").unwrap();
    assert_eq!(OsFiles.read(&path, 6).unwrap(), b"onetwo");
    let too_large = OsFiles.read(&path, 5).unwrap_err();
    assert_eq!(too_large.kind(), io::ErrorKind::FileTooLarge);
    assert!(!OsFiles.is_shared(&path).unwrap());
    replace(&OsFiles, &path, b"three").unwrap();
    assert_eq!(OsFiles.read(&path, 9).unwrap(), b"three");
    assert_eq!(OsFiles.names(&deep).unwrap(), ["file"]);
    let lock = OsFiles.lock(&deep.join("lock")).unwrap();
    let held = OsFiles.lock(&deep.join("lock")).map(drop).unwrap_err();
    assert_eq!(held.kind(), io::ErrorKind::WouldBlock);
    drop(lock);
    assert!(OsFiles.lock(&deep.join("lock")).is_ok());
}
