//! Folders as POSIX tar: names of any bytes and length, times to the nanosecond, extended
//! attributes (`SCHILY.xattr.`; with them ACLs and capabilities), hard links, devices, and files
//! with holes in GNU's sparse format 1.0.

use super::content::{copy_data, copy_file, read_attribute, write_zeros};
use super::pax::{BLOCK, Header, TypeFlag};
use super::{Archive, DumpError};
use crate::model::{Entry, EntryPath, File, Kind, Monitor, data_extents};
use crate::repo::BlobReader;
use std::collections::HashMap;
use std::io::Write;

/// So many bytes of paths are remembered for hard links; further groups become whole files.
const REMEMBERED: usize = 64 << 20;

/// A tar is a multiple of this, as tape drives once wanted it and programs still write it.
const RECORD: u64 = 20 * BLOCK;

pub struct TarWriter<'a> {
    reader: &'a BlobReader,
    out: &'a mut dyn Write,
    monitor: &'a dyn Monitor,
    /// Where the first member of each hard-link group is in the archive.
    links: HashMap<EntryPath, Vec<u8>>,
    remembered: usize,
    written: u64,
}

impl<'a> TarWriter<'a> {
    pub fn new(reader: &'a BlobReader, out: &'a mut dyn Write, monitor: &'a dyn Monitor) -> Self {
        Self { reader, out, monitor, links: HashMap::new(), remembered: 0, written: 0 }
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), DumpError> {
        self.written = self.written.saturating_add(bytes.len() as u64);
        Ok(self.out.write_all(bytes)?)
    }

    /// A header with all that is known of an entry beside its content.
    fn header(&self, flag: TypeFlag, path: &[u8], entry: &Entry) -> Result<Header, DumpError> {
        let metadata = &entry.metadata;
        let mut header = Header::new(flag);
        header.path(path);
        header.mode(metadata.mode);
        let (user, group) = (&metadata.user_name, &metadata.group_name);
        header.owner(metadata.user, metadata.group, user, group);
        header.modified(metadata.modified);
        header.size(0);
        for attribute in &metadata.attributes {
            header.attribute(&attribute.name, &read_attribute(self.reader, attribute)?);
        }
        Ok(header)
    }

    /// The path of the first member, if there was one; else `path` is remembered as that.
    fn first_link(&mut self, path: &[u8], entry: &Entry) -> Option<Vec<u8>> {
        let group = entry.link_group.as_ref()?;
        if let Some(first) = self.links.get(group) {
            return Some(first.clone());
        }
        let cost = group.bytes().len() + path.len() + 64;
        if self.remembered + cost <= REMEMBERED {
            self.remembered += cost;
            self.links.insert(group.clone(), path.to_vec());
        }
        None
    }

    fn file(&mut self, path: &[u8], entry: &Entry, file: &File) -> Result<(), DumpError> {
        if !file.holes.is_empty() {
            return self.sparse_file(path, entry, file);
        }
        let mut header = self.header(TypeFlag::File, path, entry)?;
        header.size(file.size);
        self.write(&header.into_blocks())?;
        copy_file(self.reader, file, self.out, self.monitor)?;
        self.pad(file.size)
    }

    /// The content is a list of the extents with data, as text, and these.
    fn sparse_file(&mut self, path: &[u8], entry: &Entry, file: &File) -> Result<(), DumpError> {
        let mut extents: Vec<_> = data_extents(file.size, &file.holes).collect();
        let data = extents.iter().fold(0_u64, |sum, extent| sum.saturating_add(extent.length));
        let end = extents.last().map_or(0, |last| last.offset.saturating_add(last.length));
        if end < file.size {
            extents.push(crate::model::Extent { offset: file.size, length: 0 });
        }
        let mut map = format!("{}\n", extents.len());
        for extent in &extents {
            map.push_str(&format!("{}\n{}\n", extent.offset, extent.length));
        }
        let mut map = map.into_bytes();
        map.resize(map.len().next_multiple_of(BLOCK as usize), 0);
        let mut header = self.header(TypeFlag::File, b"", entry)?;
        header.stand_in_path(b"GNUSparseFile.0/sparse");
        header.record(b"GNU.sparse.major", b"1");
        header.record(b"GNU.sparse.minor", b"0");
        header.record(b"GNU.sparse.name", path);
        header.record(b"GNU.sparse.realsize", file.size.to_string().as_bytes());
        header.size(data.saturating_add(map.len() as u64));
        self.write(&header.into_blocks())?;
        self.write(&map)?;
        copy_data(self.reader, file, self.out, self.monitor)?;
        self.pad(data)
    }

    /// After content of this length, up to the next block.
    fn pad(&mut self, length: u64) -> Result<(), DumpError> {
        let padding = (BLOCK - length % BLOCK) % BLOCK;
        self.written = self.written.saturating_add(length).saturating_add(padding);
        write_zeros(padding, self.out)
    }
}

impl Archive for TarWriter<'_> {
    fn append(&mut self, path: &[u8], entry: &Entry) -> Result<Option<&'static str>, DumpError> {
        if let Kind::Socket | Kind::Collection(_) | Kind::View { .. } = entry.kind {
            return Ok(Some(match entry.kind {
                Kind::Socket => "a tar cannot hold a socket",
                _ => "a tar holds files, and no collections",
            }));
        }
        if let Some(first) = self.first_link(path, entry) {
            let mut header = self.header(TypeFlag::HardLink, path, entry)?;
            header.link(&first);
            self.write(&header.into_blocks())?;
            return Ok(None);
        }
        let header = match &entry.kind {
            Kind::File(file) => {
                self.file(path, entry, file)?;
                return Ok(None);
            }
            Kind::Directory(_) => {
                self.header(TypeFlag::Directory, &[path, b"/"].concat(), entry)?
            }
            Kind::Symlink { target } => {
                let mut header = self.header(TypeFlag::Symlink, path, entry)?;
                header.link(target);
                header
            }
            Kind::CharacterDevice { major, minor } => {
                let mut header = self.header(TypeFlag::CharacterDevice, path, entry)?;
                header.device(*major, *minor);
                header
            }
            Kind::BlockDevice { major, minor } => {
                let mut header = self.header(TypeFlag::BlockDevice, path, entry)?;
                header.device(*major, *minor);
                header
            }
            Kind::Fifo | Kind::Socket | Kind::Collection(_) | Kind::View { .. } => {
                self.header(TypeFlag::Fifo, path, entry)?
            }
        };
        self.write(&header.into_blocks())?;
        Ok(None)
    }

    fn finish(&mut self) -> Result<(), DumpError> {
        let end = self.written.saturating_add(2 * BLOCK);
        let padding = (RECORD - end % RECORD) % RECORD;
        write_zeros(2 * BLOCK + padding, self.out)?;
        Ok(self.out.flush()?)
    }
}
