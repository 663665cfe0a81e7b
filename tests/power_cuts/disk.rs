//! A disk of one file that writes down every write and every flush, in their order.

use fuser::{
    BackgroundSession, Config, Errno, FileAttr, FileHandle, FileType, Filesystem, Generation,
    INodeNo, LockOwner, OpenFlags, ReplyAttr, ReplyData, ReplyEmpty, ReplyEntry, ReplyWrite,
    Request, Session, WriteFlags,
};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, UNIX_EPOCH};

const NAME: &str = "disk";
const DISK: INodeNo = INodeNo(2);
const FOR_LONG: Duration = Duration::from_secs(3600);

/// What reached the disk.
pub enum Event {
    Write { offset: usize, data: Vec<u8> },
    Flush,
}

pub type Log = Vec<Event>;

struct State {
    content: Vec<u8>,
    log: Log,
}

/// Serves a disk until it is dropped.
pub struct LoggedDisk {
    state: Arc<Mutex<State>>,
    session: Option<BackgroundSession>,
    place: PathBuf,
}

impl LoggedDisk {
    pub fn serve(content: Vec<u8>, place: &Path) -> Self {
        std::fs::create_dir_all(place).unwrap();
        let state = Arc::new(Mutex::new(State { content, log: Vec::new() }));
        let session = Session::new(Served(Arc::clone(&state)), place, &Config::default());
        let session = Some(session.and_then(Session::spawn).unwrap());
        Self { state, session, place: place.to_path_buf() }
    }

    pub fn path(&self) -> PathBuf {
        self.place.join(NAME)
    }

    /// How much has happened so far.
    pub fn position(&self) -> usize {
        self.state.lock().unwrap().log.len()
    }

    /// Everything that happened.
    pub fn end(mut self) -> Log {
        self.leave();
        std::mem::take(&mut self.state.lock().unwrap().log)
    }

    fn leave(&mut self) {
        if let Some(session) = self.session.take() {
            let _ = session.umount_and_join();
        }
    }
}

impl Drop for LoggedDisk {
    fn drop(&mut self) {
        self.leave();
    }
}

struct Served(Arc<Mutex<State>>);

impl Served {
    fn attributes(&self, number: INodeNo) -> FileAttr {
        let is_disk = number == DISK;
        let size = self.0.lock().unwrap().content.len() as u64;
        let (kind, perm, size) = match is_disk {
            true => (FileType::RegularFile, 0o600, size),
            false => (FileType::Directory, 0o700, 0),
        };
        FileAttr {
            ino: number,
            size,
            blocks: size.div_ceil(512),
            atime: UNIX_EPOCH,
            mtime: UNIX_EPOCH,
            ctime: UNIX_EPOCH,
            crtime: UNIX_EPOCH,
            kind,
            perm,
            nlink: 1,
            uid: 0,
            gid: 0,
            rdev: 0,
            blksize: 4096,
            flags: 0,
        }
    }
}

impl Filesystem for Served {
    fn lookup(&self, _: &Request, _: INodeNo, name: &OsStr, reply: ReplyEntry) {
        match name == NAME {
            true => reply.entry(&FOR_LONG, &self.attributes(DISK), Generation(0)),
            false => reply.error(Errno::ENOENT),
        }
    }

    fn getattr(&self, _: &Request, number: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        reply.attr(&FOR_LONG, &self.attributes(number));
    }

    fn read(
        &self,
        _: &Request,
        _: INodeNo,
        _: FileHandle,
        offset: u64,
        size: u32,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyData,
    ) {
        let content = &self.0.lock().unwrap().content;
        let from = content.len().min(offset as usize);
        let to = content.len().min(from + size as usize);
        reply.data(&content[from..to]);
    }

    fn write(
        &self,
        _: &Request,
        _: INodeNo,
        _: FileHandle,
        offset: u64,
        data: &[u8],
        _: WriteFlags,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        let State { content, log } = &mut *self.0.lock().unwrap();
        let offset = offset as usize;
        match content.get_mut(offset..offset + data.len()) {
            Some(place) => {
                place.copy_from_slice(data);
                log.push(Event::Write { offset, data: data.to_vec() });
                reply.written(data.len() as u32);
            }
            None => reply.error(Errno::ENOSPC),
        }
    }

    fn fsync(&self, _: &Request, _: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        self.0.lock().unwrap().log.push(Event::Flush);
        reply.ok();
    }

    fn flush(&self, _: &Request, _: INodeNo, _: FileHandle, _: LockOwner, reply: ReplyEmpty) {
        reply.ok();
    }
}
