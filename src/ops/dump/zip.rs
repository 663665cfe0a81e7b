//! Folders as zip (PKWARE's APPNOTE 6.3.10), written as a stream: what is not known before the
//! content was read stands behind it. Zip64 where sizes, offsets or counts need it.

use super::content::copy_file;
use super::spool::Spool;
use super::{Archive, DumpError};
use crate::model::{Entry, File, Kind, Metadata, Monitor};
use crate::repo::BlobReader;
use flate2::write::DeflateEncoder;
use flate2::{Compression, Crc};
use std::io::{self, Write};
use std::path::Path;

/// Above this a size has its place in a zip64 field; deflated noise may grow a little.
const LARGE: u64 = 0xffff_0000;
const IN_ZIP64: u32 = u32::MAX;

/// Bytes of the table of contents.
const MOST_IN_MEMORY: usize = 8 << 20;

const STORED: u16 = 0;
const DEFLATED: u16 = 8;

/// Sizes and sum stand behind the content.
const FLAG_DESCRIPTOR: u16 = 1 << 3;
const FLAG_UTF8: u16 = 1 << 11;

pub struct ZipWriter<'a> {
    reader: &'a BlobReader,
    out: Counted<'a>,
    monitor: &'a dyn Monitor,
    /// The table of contents so far.
    directory: Spool,
    entries: u64,
}

/// Counts what goes through.
struct Counted<'a> {
    out: &'a mut dyn Write,
    count: u64,
}

impl Write for Counted<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.count = self.count.saturating_add(written as u64);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// One member of the archive.
struct Member {
    name: Vec<u8>,
    method: u16,
    flags: u16,
    zip64: bool,
    sum: u32,
    stored: u64,
    size: u64,
    offset: u64,
    /// Type and permissions as in `st_mode`.
    mode: u32,
    /// DOS time and date, in UTC.
    time: (u16, u16),
    extra: Vec<u8>,
}

impl<'a> ZipWriter<'a> {
    pub fn new(
        reader: &'a BlobReader,
        scratch: &Path,
        out: &'a mut dyn Write,
        monitor: &'a dyn Monitor,
    ) -> Self {
        let out = Counted { out, count: 0 };
        let directory = Spool::new(scratch.to_owned(), MOST_IN_MEMORY);
        Self { reader, out, monitor, directory, entries: 0 }
    }

    fn member(&self, name: Vec<u8>, kind: u32, metadata: &Metadata) -> Member {
        let utf8 = if std::str::from_utf8(&name).is_ok() { FLAG_UTF8 } else { 0 };
        Member {
            name,
            method: STORED,
            flags: utf8,
            zip64: false,
            sum: 0,
            stored: 0,
            size: 0,
            offset: self.out.count,
            mode: kind | u32::from(metadata.mode),
            time: dos_time(metadata),
            extra: extra(metadata),
        }
    }

    /// Content that is at hand: a link's target, or none.
    fn small(&mut self, mut member: Member, content: &[u8]) -> Result<(), DumpError> {
        let mut sum = Crc::new();
        sum.update(content);
        member.sum = sum.sum();
        (member.stored, member.size) = (content.len() as u64, content.len() as u64);
        self.out.write_all(&member.local_header())?;
        self.out.write_all(content)?;
        self.list(&member)
    }

    fn file(&mut self, mut member: Member, file: &File) -> Result<(), DumpError> {
        member.method = DEFLATED;
        member.flags |= FLAG_DESCRIPTOR;
        member.zip64 = file.size >= LARGE;
        self.out.write_all(&member.local_header())?;
        let begun = self.out.count;
        member.sum = self.deflate(file)?;
        member.stored = self.out.count.saturating_sub(begun);
        member.size = file.size;
        self.out.write_all(&member.descriptor())?;
        self.list(&member)
    }

    /// Returns the sum of the plain content.
    fn deflate(&mut self, file: &File) -> Result<u32, DumpError> {
        let out = DeflateEncoder::new(&mut self.out, Compression::default());
        let mut summed = Summed { out, sum: Crc::new() };
        copy_file(self.reader, file, &mut summed, self.monitor)?;
        summed.out.finish()?;
        Ok(summed.sum.sum())
    }

    fn list(&mut self, member: &Member) -> Result<(), DumpError> {
        self.entries += 1;
        self.directory
            .push(&member.directory_header())
            .map_err(|cause| DumpError::Scratch { place: self.directory.place().to_owned(), cause })
    }
}

/// Sums what is deflated.
struct Summed<W> {
    out: W,
    sum: Crc,
}

impl<W: Write> Write for Summed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.sum.update(bytes.get(..written).unwrap_or(bytes));
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

impl Archive for ZipWriter<'_> {
    fn append(&mut self, path: &[u8], entry: &Entry) -> Result<Option<&'static str>, DumpError> {
        if path.len() >= usize::from(u16::MAX) {
            return Ok(Some("its path is too long for a zip"));
        }
        let metadata = &entry.metadata;
        match &entry.kind {
            Kind::File(file) => {
                self.file(self.member(path.to_vec(), 0o100_000, metadata), file)?;
            }
            Kind::Directory(_) => {
                let name = [path, b"/"].concat();
                self.small(self.member(name, 0o040_000, metadata), b"")?;
            }
            Kind::Symlink { target } => {
                self.small(self.member(path.to_vec(), 0o120_000, metadata), target)?;
            }
            Kind::CharacterDevice { .. } | Kind::BlockDevice { .. } => {
                return Ok(Some("a zip cannot hold a device"));
            }
            Kind::Fifo => return Ok(Some("a zip cannot hold a FIFO")),
            Kind::Socket => return Ok(Some("a zip cannot hold a socket")),
            Kind::Collection(_) | Kind::View { .. } => {
                return Ok(Some("a zip holds files, and no collections"));
            }
        }
        Ok(None)
    }

    fn finish(&mut self) -> Result<(), DumpError> {
        let (start, length) = (self.out.count, self.directory.length());
        self.directory.drain_to(&mut self.out)?;
        let (entries, many) = (self.entries, self.entries >= u64::from(u16::MAX));
        if many || start >= LARGE || length >= LARGE {
            let end = start.saturating_add(length);
            self.out.write_all(&zip64_end(entries, start, length, end))?;
        }
        let entries = u16::try_from(entries).unwrap_or(u16::MAX);
        let mut end = Fields(b"PK\x05\x06\0\0\0\0".to_vec());
        end.short(entries).short(entries).word(narrow(length)).word(narrow(start)).short(0);
        self.out.write_all(&end.0)?;
        Ok(self.out.flush()?)
    }
}

/// The end of the directory in 64 bits, and where that lies.
fn zip64_end(entries: u64, start: u64, length: u64, at: u64) -> Vec<u8> {
    let mut end = Fields(b"PK\x06\x06".to_vec());
    end.long(44).short(3 << 8 | 45).short(45).word(0).word(0);
    end.long(entries).long(entries).long(length).long(start);
    end.bytes(b"PK\x06\x07").word(0).long(at).word(1);
    end.0
}

impl Member {
    fn version(&self) -> u16 {
        if self.zip64 || self.offset >= LARGE { 45 } else { 20 }
    }

    fn local_header(&self) -> Vec<u8> {
        let known = self.flags & FLAG_DESCRIPTOR == 0;
        let mut extra = Vec::new();
        let (mut stored, mut size) = if known { (self.stored, self.size) } else { (0, 0) };
        if self.zip64 {
            let mut field = Fields(Vec::new());
            field.short(1).short(16).long(0).long(0);
            extra = field.0;
            (stored, size) = (u64::MAX, u64::MAX);
        }
        extra.extend_from_slice(&self.extra);
        let mut header = Fields(b"PK\x03\x04".to_vec());
        header.short(self.version()).short(self.flags).short(self.method);
        header.short(self.time.0).short(self.time.1);
        header.word(if known { self.sum } else { 0 }).word(narrow(stored)).word(narrow(size));
        header.short(self.name.len() as u16).short(extra.len() as u16);
        header.bytes(&self.name).bytes(&extra);
        header.0
    }

    fn descriptor(&self) -> Vec<u8> {
        let mut descriptor = Fields(b"PK\x07\x08".to_vec());
        descriptor.word(self.sum);
        match self.zip64 {
            true => descriptor.long(self.stored).long(self.size),
            false => descriptor.word(narrow(self.stored)).word(narrow(self.size)),
        };
        descriptor.0
    }

    fn directory_header(&self) -> Vec<u8> {
        let mut large = Fields(Vec::new());
        let wide = |value: u64| if self.zip64 { IN_ZIP64 } else { narrow(value) };
        if self.zip64 {
            large.long(self.size).long(self.stored);
        }
        if self.offset >= LARGE {
            large.long(self.offset);
        }
        let mut extra = Fields(Vec::new());
        if !large.0.is_empty() {
            extra.short(1).short(large.0.len() as u16).bytes(&large.0);
        }
        extra.bytes(&self.extra);
        let mut header = Fields(b"PK\x01\x02".to_vec());
        // Made on Unix: the upper half of the attributes is the mode.
        header.short(3 << 8 | 45).short(self.version()).short(self.flags).short(self.method);
        header.short(self.time.0).short(self.time.1).word(self.sum);
        header.word(wide(self.stored)).word(wide(self.size));
        header.short(self.name.len() as u16).short(extra.0.len() as u16).short(0).short(0).short(0);
        let is_folder = if self.name.ends_with(b"/") { 0x10 } else { 0 };
        let offset = if self.offset >= LARGE { IN_ZIP64 } else { narrow(self.offset) };
        header.word(self.mode << 16 | is_folder).word(offset).bytes(&self.name).bytes(&extra.0);
        header.0
    }
}

fn narrow(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(IN_ZIP64)
}

/// The time in seconds (`UT`), where 32 bits hold it, and the owner's numbers (`ux`).
fn extra(metadata: &Metadata) -> Vec<u8> {
    let mut extra = Fields(Vec::new());
    if let Ok(seconds) = i32::try_from(metadata.modified.seconds) {
        extra.bytes(b"UT").short(5).bytes(&[1]).bytes(&seconds.to_le_bytes());
    }
    extra.bytes(b"ux").short(11).bytes(&[1, 4]).word(metadata.user);
    extra.bytes(&[4]).word(metadata.group);
    extra.0
}

/// In UTC, two seconds wide, from 1980 to 2107.
fn dos_time(metadata: &Metadata) -> (u16, u16) {
    let time = metadata.modified.timestamp().to_zoned(jiff::tz::TimeZone::UTC);
    let Ok(year) = u16::try_from(i32::from(time.year()) - 1980) else { return (0, 1 << 5 | 1) };
    if year > 127 {
        return (23 << 11 | 59 << 5 | 29, 127 << 9 | 12 << 5 | 31);
    }
    let [month, day, hour, minute, second] =
        [time.month(), time.day(), time.hour(), time.minute(), time.second()]
            .map(|number| u16::from(number.unsigned_abs()));
    (hour << 11 | minute << 5 | (second / 2), year << 9 | month << 5 | day)
}

/// Numbers, little-endian.
struct Fields(Vec<u8>);

impl Fields {
    fn short(&mut self, number: u16) -> &mut Self {
        self.bytes(&number.to_le_bytes())
    }

    fn word(&mut self, number: u32) -> &mut Self {
        self.bytes(&number.to_le_bytes())
    }

    fn long(&mut self, number: u64) -> &mut Self {
        self.bytes(&number.to_le_bytes())
    }

    fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.extend_from_slice(bytes);
        self
    }
}
