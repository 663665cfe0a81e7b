//! Headers of POSIX tar (IEEE Std 1003.1, "pax"): fields of fixed width, and records for what
//! does not fit them.

use crate::model::FileTime;

/// A block of a tar.
pub const BLOCK: u64 = 512;

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum TypeFlag {
    File = b'0',
    HardLink = b'1',
    Symlink = b'2',
    CharacterDevice = b'3',
    BlockDevice = b'4',
    Directory = b'5',
    Fifo = b'6',
    Records = b'x',
}

/// A header, and the records that are put before it.
pub struct Header {
    block: [u8; BLOCK as usize],
    records: Vec<u8>,
}

impl Header {
    pub fn new(flag: TypeFlag) -> Self {
        let mut header = Self { block: [0; BLOCK as usize], records: Vec::new() };
        header.field(156, &[flag as u8]);
        header.field(257, b"ustar\x0000");
        header
    }

    /// The name stands in records where it is long or not ASCII.
    pub fn path(&mut self, path: &[u8]) {
        self.text(0, 100, "path", path);
    }

    pub fn link(&mut self, target: &[u8]) {
        self.text(157, 100, "linkpath", target);
    }

    /// A name in the header alone: what programs show that do not know the records.
    pub fn stand_in_path(&mut self, path: &[u8]) {
        self.field(0, path.get(..100).unwrap_or(path));
    }

    pub fn mode(&mut self, mode: u16) {
        self.octal(100, 8, mode.into());
    }

    pub fn owner(&mut self, user: u32, group: u32, user_name: &str, group_name: &str) {
        self.number(108, 8, "uid", user.into());
        self.number(116, 8, "gid", group.into());
        self.text(265, 31, "uname", user_name.as_bytes());
        self.text(297, 31, "gname", group_name.as_bytes());
    }

    pub fn size(&mut self, size: u64) {
        self.number(124, 12, "size", size);
    }

    pub fn modified(&mut self, time: FileTime) {
        let seconds = u64::try_from(time.seconds).ok().filter(|seconds| fits(*seconds, 12));
        self.octal(136, 12, seconds.unwrap_or(0));
        if seconds.is_none() || time.nanoseconds() > 0 {
            self.record(b"mtime", decimal(time).as_bytes());
        }
    }

    pub fn device(&mut self, major: u32, minor: u32) {
        self.number(329, 8, "SCHILY.devmajor", major.into());
        self.number(337, 8, "SCHILY.devminor", minor.into());
    }

    /// A record `length key=value`, where the length counts itself.
    pub fn record(&mut self, key: &[u8], value: &[u8]) {
        let rest = key.len() + value.len() + 3;
        let mut length = rest;
        while length != rest + length.to_string().len() {
            length = rest + length.to_string().len();
        }
        self.records.extend_from_slice(length.to_string().as_bytes());
        for part in [b" ".as_slice(), key, b"=", value, b"\n"] {
            self.records.extend_from_slice(part);
        }
    }

    /// An extended attribute. In its name `=` and `%` are written as GNU tar writes them.
    pub fn attribute(&mut self, name: &[u8], value: &[u8]) {
        let mut key = b"SCHILY.xattr.".to_vec();
        for byte in name {
            match byte {
                b'=' => key.extend_from_slice(b"%3D"),
                b'%' => key.extend_from_slice(b"%25"),
                byte => key.push(*byte),
            }
        }
        self.record(&key, value);
    }

    /// All blocks before the content.
    pub fn into_blocks(mut self) -> Vec<u8> {
        let mut blocks = Vec::new();
        if !self.records.is_empty() {
            let mut before = Self::new(TypeFlag::Records);
            before.stand_in_path(b"PaxHeaders/records");
            before.mode(0o644);
            before.octal(124, 12, self.records.len() as u64);
            before.octal(136, 12, 0);
            before.add_checksum();
            blocks.extend_from_slice(&before.block);
            blocks.append(&mut self.records);
            blocks.resize(blocks.len().next_multiple_of(BLOCK as usize), 0);
        }
        self.add_checksum();
        blocks.extend_from_slice(&self.block);
        blocks
    }

    /// The sum of all bytes, spaces in its own place.
    fn add_checksum(&mut self) {
        self.field(148, b"        ");
        let sum: u64 = self.block.iter().map(|byte| u64::from(*byte)).sum();
        self.field(148, format!("{sum:06o}\0 ").as_bytes());
    }

    fn text(&mut self, at: usize, width: usize, key: &str, text: &[u8]) {
        self.field(at, text.get(..width).unwrap_or(text));
        if text.len() > width || !text.is_ascii() {
            self.record(key.as_bytes(), text);
        }
    }

    fn number(&mut self, at: usize, width: usize, key: &str, number: u64) {
        match fits(number, width) {
            true => self.octal(at, width, number),
            false => {
                self.octal(at, width, 0);
                self.record(key.as_bytes(), number.to_string().as_bytes());
            }
        }
    }

    fn octal(&mut self, at: usize, width: usize, number: u64) {
        self.field(at, format!("{number:0width$o}\0", width = width - 1).as_bytes());
    }

    fn field(&mut self, at: usize, bytes: &[u8]) {
        if let Some(field) = self.block.get_mut(at..at + bytes.len()) {
            field.copy_from_slice(bytes);
        }
    }
}

/// Whether an octal field of this width, with its NUL, holds the number.
fn fits(number: u64, width: usize) -> bool {
    number >> (3 * (width - 1)) == 0
}

/// Seconds with nine decimals; before 1970 the fraction counts backwards like the rest.
fn decimal(time: FileTime) -> String {
    let (seconds, nanoseconds) = (time.seconds, time.nanoseconds());
    match seconds < 0 && nanoseconds > 0 {
        true => format!("-{}.{:09}", seconds.unsigned_abs() - 1, 1_000_000_000 - nanoseconds),
        false => format!("{seconds}.{nanoseconds:09}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_count_themselves() {
        let record = |value: &str| {
            let mut header = Header::new(TypeFlag::File);
            header.record(b"path", value.as_bytes());
            String::from_utf8(header.records).unwrap()
        };
        assert_eq!(record("x"), "9 path=x\n");
        assert_eq!(record(""), "8 path=\n");
        let longer = record(&"x".repeat(91));
        assert_eq!((longer.len(), &longer[..4]), (101, "101 "));
    }

    #[test]
    fn what_does_not_fit_its_field_has_a_record() {
        let mut header = Header::new(TypeFlag::File);
        header.size(1 << 33);
        header.owner(1 << 21, 7, "root", &"g".repeat(40));
        header.path("é".as_bytes());
        let records = String::from_utf8(header.records.clone()).unwrap();
        let gname = format!("50 gname={}\n", "g".repeat(40));
        assert_eq!(records, format!("19 size=8589934592\n15 uid=2097152\n{gname}11 path=é\n"));
        assert_eq!(header.into_blocks().len(), 3 * 512);
    }

    #[test]
    fn times_before_1970_are_written_backwards() {
        let text = |seconds, nanoseconds| decimal(FileTime::new(seconds, nanoseconds).unwrap());
        assert_eq!(text(1, 5), "1.000000005");
        assert_eq!(text(-1, 500_000_000), "-0.500000000");
        assert_eq!(text(-2, 0), "-2.000000000");
    }
}
