//! A small file system of a test's own.

use crate::server::process::Process;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Mounts so many MiB, and holds the namespace that has them until its input ends.
const HOLD: &str = r#"mount -t tmpfs -o "size=$1m" room "$2" && echo mounted && exec cat"#;

/// A file system that is mounted in a namespace of its own; gone when it is dropped, or when the
/// test ends without that.
pub struct Room {
    holder: Child,
    of_user: bool,
    at: PathBuf,
}

impl Room {
    /// Mounts so many MiB here, as root or in a namespace of this user. An error says why this
    /// machine lets nobody do either.
    pub fn new(at: &Path, mib: u32) -> Result<Self, String> {
        std::fs::create_dir(at).unwrap();
        let as_root = Self::with(&["--mount"], at, mib);
        as_root.or_else(|root| {
            let of_user = Self::with(&["--map-root-user", "--mount"], at, mib);
            of_user.map_err(|user| format!("as root: {root}; in a user's namespace: {user}"))
        })
    }

    fn with(options: &[&str], at: &Path, mib: u32) -> Result<Self, String> {
        let mut command = Command::new("unshare");
        command.args(options).args(["sh", "-c", HOLD, "sh"]);
        command.arg(mib.to_string()).arg(at);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let child = command.stderr(Stdio::piped()).spawn();
        let mut holder = child.map_err(|error| format!("unshare: {error}"))?;
        let mut said = String::new();
        let mut output = BufReader::new(holder.stdout.take().unwrap());
        output.read_line(&mut said).unwrap();
        if said == "mounted\n" {
            let (of_user, at) = (options.len() > 1, at.to_owned());
            return Ok(Self {
                holder,
                of_user,
                at,
            });
        }
        let ended = holder.wait_with_output().unwrap();
        Err(String::from_utf8_lossy(&ended.stderr).trim().to_owned())
    }

    /// Where its files are for who is outside of the namespace.
    pub fn path(&self) -> PathBuf {
        let root = format!("/proc/{}/root", self.holder.id());
        Path::new(&root).join(self.at.strip_prefix("/").unwrap())
    }

    /// The uid by which a process inside knows this one.
    pub fn uid(&self) -> u32 {
        match self.of_user {
            true => 0,
            false => crate::server::uid(),
        }
    }

    /// Starts a PDP inside, in this directory.
    pub async fn start(&self, dir: &Path) -> Process {
        let mut command = Command::new("nsenter");
        let holder = self.holder.id().to_string();
        command.args(["--target", &holder, "--mount"]);
        if self.of_user {
            command.args(["--user", "--preserve-credentials"]);
        }
        // Who enters is at the root of what is mounted there.
        command.args(["sh", "-c", r#"cd "$1" && shift && exec "$@""#, "sh"]);
        command.arg(dir).arg(env!("CARGO_BIN_EXE_toolgate"));
        command.args(["serve", "--config", "toolgate.toml"]);
        Process::spawn(command, dir).await
    }

    /// Leaves so many bytes free, or fewer.
    pub fn fill(&self, free_bytes: u64) {
        let room = rustix::fs::statvfs(self.path()).unwrap();
        let bytes = (room.f_bavail * room.f_frsize).saturating_sub(free_bytes);
        let mut file = std::fs::File::create(self.filler()).unwrap();
        let block = vec![0; usize::try_from(room.f_frsize).unwrap()];
        for _ in 0..bytes.div_ceil(room.f_frsize) {
            if let Err(error) = file.write_all(&block) {
                assert_eq!(error.kind(), std::io::ErrorKind::StorageFull);
                return;
            }
        }
    }

    /// Gives back what `fill` took.
    pub fn free(&self) {
        std::fs::remove_file(self.filler()).unwrap();
    }

    fn filler(&self) -> PathBuf {
        self.path().join("filler")
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        // An error means that it has ended.
        drop(self.holder.kill());
        drop(self.holder.wait());
    }
}
