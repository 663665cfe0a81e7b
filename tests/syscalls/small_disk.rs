//! A file system in memory that is as large as a test wants.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

const PAGE_BYTES: u64 = 4096;
/// More than anybody needs.
const LARGE: &str = "size=256m,nr_inodes=100k";

/// What of a world lies on the small disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    Everything,
    /// One folder, relative to what holds `here` and `home`.
    Folder(&'static str),
}

/// What there is no more of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scarce {
    Space,
    /// Names of files.
    Inodes,
}

/// Unmounted when dropped.
pub struct SmallDisk {
    path: PathBuf,
    part: Part,
}

impl SmallDisk {
    /// Mounts one at `root`, or below it if it is for one folder.
    pub fn mount(root: &Path, part: Part) -> io::Result<Self> {
        let path = match part {
            Part::Everything => root.to_owned(),
            Part::Folder(_) => root.join("small"),
        };
        std::fs::create_dir_all(&path)?;
        run(Command::new("mount").args(["-t", "tmpfs", "-o", LARGE, "snap-test"]).arg(&path))?;
        Ok(Self { path, part })
    }

    /// Moves the folder onto the disk; a link takes its place.
    pub fn take_part(&self, root: &Path) {
        let Part::Folder(folder) = self.part else { return };
        let folder = root.join(folder);
        // A size of nothing would be no limit at all.
        std::fs::write(self.path.join("occupied"), "something").unwrap();
        let script = "rm -rf \"$2/part\"; mkdir -p \"$1\"; cp -a \"$1\" \"$2/part\"; rm -rf \"$1\"
            ln -s \"$2/part\" \"$1\"";
        let mut command = Command::new("sh");
        run(command.args(["-ec", script, "sh"]).arg(folder).arg(&self.path)).unwrap();
    }

    pub fn enlarge(&self) {
        self.remount(LARGE).unwrap();
    }

    /// Leaves so many pages, or so many inodes, beside what is in use.
    pub fn leave(&self, scarce: Scarce, room: u64) {
        let now = rustix::fs::statvfs(&self.path).unwrap();
        let option = match scarce {
            Scarce::Space => {
                let used = (now.f_blocks - now.f_bfree) * now.f_frsize;
                format!("size={}", used + room * PAGE_BYTES)
            }
            Scarce::Inodes => format!("nr_inodes={}", now.f_files - now.f_ffree + room),
        };
        self.remount(&option).unwrap();
    }

    fn remount(&self, options: &str) -> io::Result<()> {
        // All is said, for else the options of before are added, which a namespace may not set.
        let options = format!("remount,{options}");
        let arguments = ["-t", "tmpfs", "-o", &options, "snap-test"];
        run(Command::new("mount").args(arguments).arg(&self.path))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // What is left mounted shows in the temporary directory.
        let _ = run(Command::new("umount").arg(&self.path));
    }
}

fn run(command: &mut Command) -> io::Result<()> {
    let output = command.output()?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.success() { Ok(()) } else { Err(io::Error::other(said)) }
}
