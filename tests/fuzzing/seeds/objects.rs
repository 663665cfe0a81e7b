//! What objects of a real repository hold.

use super::keep;
use snapstore::codec::{
    Class, Decompressor, Place, Sealer, derive_from_password, object_context, open_with,
};
use snapstore::format::{
    FOOTER_LENGTH, Frame, KeySlot, Marker, PackFooter, PackTable, decode_ring,
};
use snapstore::model::{KeyId, RepositoryId};
use std::path::{Path, PathBuf};

const LIMIT: usize = 16 << 20;

pub fn write() {
    let repository = Repository::open();
    keep("configuration", "marker", &std::fs::read(repository.path.join("snap.json")).unwrap());
    for (folder, class, target) in [
        ("config", Class::Config, "configuration"),
        ("snapshots", Class::Snapshot, "snapshot"),
        ("forgotten", Class::Forgotten, "marks"),
    ] {
        for name in repository.names(folder) {
            let plain = repository.object(class, &name, &object_context(&name));
            keep(target, &short(&name), &plain);
        }
    }
    for session in repository.names("sessions") {
        let name = format!("{session}/0");
        let plain = repository.object(Class::Session, &name, &object_context(&name));
        keep("marks", &short(&name), &plain);
    }
    for name in repository.names("index") {
        keep("index", &short(&name), &repository.object(Class::Index, &name, &[0; 32]));
    }
    for folder in repository.names("packs") {
        repository.names(&folder).iter().for_each(|name| repository.pack(name));
    }
}

struct Repository {
    path: PathBuf,
    sealer: Sealer,
}

impl Repository {
    fn open() -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/draft-0/repository");
        let marker = Marker::decode(&std::fs::read(path.join("snap.json")).unwrap()).unwrap();
        let slot = std::fs::read_dir(path.join("keys")).unwrap().next().unwrap().unwrap();
        let id: KeyId = slot.file_name().to_str().unwrap().parse().unwrap();
        let stored = std::fs::read(slot.path()).unwrap();
        keep("key_slot", "slot", &stored);
        let ring = ring(marker.repository, id, &stored);
        keep("key_slot", "ring", &ring);
        let sealer = Sealer::new(marker.repository, decode_ring(&ring).unwrap());
        Self { path, sealer }
    }

    /// Of what lies in a folder, sorted.
    fn names(&self, folder: &str) -> Vec<String> {
        let listed = std::fs::read_dir(self.path.join(folder)).unwrap();
        let name = |entry: std::fs::DirEntry| entry.file_name().into_string().unwrap();
        let mut names: Vec<String> =
            listed.map(|entry| format!("{folder}/{}", name(entry.unwrap()))).collect();
        names.sort();
        names
    }

    fn object(&self, class: Class, name: &str, context: &[u8; 32]) -> Vec<u8> {
        self.opened(class, context, &std::fs::read(self.path.join(name)).unwrap())
    }

    fn opened(&self, class: Class, context: &[u8; 32], sealed: &[u8]) -> Vec<u8> {
        let mut decompressor = Decompressor::new().unwrap();
        self.sealer.open(class, context, &mut sealed.to_vec(), LIMIT, &mut decompressor).unwrap()
    }

    fn pack(&self, name: &str) {
        let bytes = std::fs::read(self.path.join(name)).unwrap();
        let end = bytes.len() - FOOTER_LENGTH;
        keep("pack_table", &format!("footer-{}", short(name)), &bytes[end..]);
        let footer = PackFooter::decode(bytes.last_chunk().unwrap()).unwrap();
        let table = &bytes[end - footer.table as usize..end];
        let plain = self.opened(Class::PackTable, &[0; 32], table);
        keep("pack_table", &short(name), &plain);
        for blob in PackTable::decode(&plain).unwrap().blobs {
            let Frame { offset, stored, .. } = blob.place.frame;
            let range = offset as usize..(offset + stored) as usize;
            if footer.class.class() == Class::TreeBlob {
                let plain = self.opened(Class::TreeBlob, blob.id.bytes(), &bytes[range]);
                // Among them are spare copies of snapshots, which are no pieces.
                keep("tree_piece", &blob.id.hex()[..8], &plain);
            }
        }
    }
}

fn ring(repository: RepositoryId, id: KeyId, stored: &[u8]) -> Vec<u8> {
    let slot = KeySlot::decode(id, stored).unwrap();
    let snapstore::format::SlotKind::Password(parameters) = slot.head.kind else {
        panic!("a slot for a password")
    };
    let password = b"a fixture keeps no secrets";
    let key = derive_from_password(password, &slot.head.salt, parameters).unwrap();
    let context = object_context(&format!("keys/{id}"));
    let place = Place { repository, class: Class::KeyRing, context: &context, epoch: 0 };
    let mut decompressor = Decompressor::new().unwrap();
    open_with(&key, &place, &mut slot.sealed_ring.clone(), LIMIT, &mut decompressor).unwrap()
}

fn short(name: &str) -> String {
    let parts: Vec<&str> = name.split('/').map(|part| part.get(..8).unwrap_or(part)).collect();
    parts.join("-")
}
