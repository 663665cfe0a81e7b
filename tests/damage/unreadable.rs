//! A disk that does not give out some objects, and says so.

use super::ill::Ill;
use super::sample::{Sample, Size};
use snapstore::format::snapshot_name;
use snapstore::storage::{Folder, Listed, MemoryStorage, ObjectName, Put, Storage, StorageError};
use std::sync::Arc;

/// Bad sectors below one object.
struct BadSectors {
    disk: MemoryStorage,
    below: ObjectName,
}

impl BadSectors {
    fn look(&self, name: &ObjectName) -> Result<(), StorageError> {
        let (what, why) = (name.to_string(), "Input/output error".to_string());
        match *name == self.below {
            true => Err(StorageError::Failed { what, why }),
            false => Ok(()),
        }
    }
}

impl Storage for BadSectors {
    fn put_if_absent(&self, name: &ObjectName, bytes: &[u8]) -> Result<Put, StorageError> {
        self.disk.put_if_absent(name, bytes)
    }

    fn get(&self, name: &ObjectName, limit: u64) -> Result<Vec<u8>, StorageError> {
        self.look(name).and_then(|()| self.disk.get(name, limit))
    }

    fn get_range(
        &self,
        name: &ObjectName,
        offset: u64,
        length: usize,
    ) -> Result<Vec<u8>, StorageError> {
        self.look(name).and_then(|()| self.disk.get_range(name, offset, length))
    }

    fn list(&self, folder: Folder) -> Result<Vec<Listed>, StorageError> {
        self.disk.list(folder)
    }

    fn delete(&self, name: &ObjectName) -> Result<(), StorageError> {
        self.disk.delete(name)
    }

    fn address(&self) -> String {
        self.disk.address()
    }
}

#[test]
fn bad_sectors_are_damage_of_one_object() {
    let sample = Sample::new(Size::Tiny);
    let whole = Ill::new(&sample);
    let (data, trees) = (whole.pack_of("bot/newer"), whole.tree_pack_of("bot"));
    let index = whole.index_of(&data).to_string();
    let older = snapshot_name(&whole.live()[0].id);
    for below in [data, trees, index, older, "prune/0.mark".to_string()] {
        let disk = sample.quiet.fork();
        let storage = BadSectors { disk: disk.clone(), below: below.parse().unwrap() };
        let ill = Ill::on(&sample, disk, Arc::new(storage));
        let report = ill.check(true);
        let damage = report.damages.iter().find(|damage| damage.object == below).unwrap();
        assert!(damage.why.contains("it cannot be read: Input/output error"), "{}", damage.why);
        ill.repair_index();
        ill.repair_snapshots();
        let new = ill.backup();
        assert!(ill.is_whole(&new), "{below}");
        // What only older snapshots had there stays lost with them.
        for older in ill.live().iter().filter(|snapshot| snapshot.id != new.id) {
            ill.repository().forget(older).unwrap();
        }
        ill.prune();
        ill.prune();
        assert!(ill.is_whole(&new), "{below}");
    }
}
