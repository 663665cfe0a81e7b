//! A key slot, and the ring of keys that is sealed in it.

use super::reading::read;
use snapstore::format::{KeySlot, SlotKind, decode_ring, encode_ring};
use snapstore::model::KeyId;

pub fn body(bytes: &[u8]) {
    assert!(KeySlot::decode(KeyId::new([0; 16]), bytes).is_err(), "another name is refused");
    if let Some(id) = id_of_head(bytes)
        && let Some(slot) = read(KeySlot::decode(id, bytes))
    {
        slot_holds(&slot);
    }
    if let Some(ring) = read(decode_ring(bytes)) {
        let written = encode_ring(&ring);
        let again = decode_ring(&written).expect("what is written decodes");
        assert_eq!(*encode_ring(&again), *written);
        let numbers: Vec<u32> = again.epochs().iter().map(|epoch| epoch.number).collect();
        assert!(!numbers.is_empty() && numbers.is_sorted_by(|one, other| one < other));
    }
}

/// The name that a slot must have.
fn id_of_head(bytes: &[u8]) -> Option<KeyId> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    let head = rest.get(..u32::from_le_bytes(*length) as usize)?;
    Some(KeyId::new(*blake3::hash(head).as_bytes().first_chunk()?))
}

fn slot_holds(slot: &KeySlot) {
    if let SlotKind::Password(parameters) = slot.head.kind {
        assert!(parameters.memory_kib() <= 1 << 20, "at most 1 GiB is taken");
        assert!(parameters.passes() <= 16 && parameters.lanes() <= 16);
    }
    // A head that is written otherwise has another name.
    let written = KeySlot { id: slot.head.id(), ..slot.clone() };
    let again = KeySlot::decode(written.id, &written.encode()).expect("what is written decodes");
    assert_eq!(again, written);
}
