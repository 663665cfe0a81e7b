//! Objects beside the packs that lie.

use super::{
    Attack,
    Outcome::{Closed, Named, Restored},
    attack,
};
use crate::hostile::forge::{Forge, folder, link, snapshot};
use crate::hostile::value::{array, array_head, bin, int, map, repeated, text, uint};
use snapstore::codec::Class;

pub fn attacks() -> Vec<Attack> {
    [snapshots(), indexes(), marks()].into_iter().flatten().collect()
}

fn snapshots() -> Vec<Attack> {
    vec![
        attack("ten million paths in a snapshot", Named("longer than its spare copy"), |forge| {
            commit(forge, &[("s", repeated(&map(&[("p", bin(b"a"))]), 7_000_000))])
        }),
        attack("two million paths in a snapshot", Named("more than it may"), |forge| {
            commit(forge, &[("s", repeated(&map(&[("p", bin(b"a"))]), 1_800_000))])
        }),
        attack("sixteen million tags", Named("more than it may"), |forge| {
            commit(forge, &[("g", repeated(&text(""), 16_000_000))])
        }),
        attack("a tag of 60 MiB", Named("snapshots/"), |forge| {
            commit(forge, &[("g", array(&[text(&"a".repeat(60 << 20))]))])
        }),
        attack("a tag of 15 MiB that is no text", Restored, |forge| {
            commit(forge, &[("g", array(&[text(&"\x1b".repeat(15 << 20))]))])
        }),
        attack("a source that leads upwards", Named("names another directory"), |forge| {
            let time = map(&[("s", int(1))]);
            commit(forge, &[("s", array(&[map(&[("p", bin(b"files/../..")), ("t", time)])]))])
        }),
        attack("thirty snapshots of 15 MiB", Named("all snapshots together"), |forge| {
            for _ in 0..30 {
                commit(forge, &[("g", array(&[text(&"a".repeat(15 << 20))]))]);
            }
        }),
        attack("a snapshot that inflates", Named("snapshots/"), |forge| {
            good(forge);
            let bomb = zstd::encode_all(std::io::Read::take(std::io::repeat(0), 2 << 30), 1);
            let payload = [&[1][..], &64_u32.to_le_bytes(), &bomb.unwrap()].concat();
            let name = snapstore::format::snapshot_name(&session(77));
            forge.put_payload(Class::Snapshot, &name, &payload);
        }),
    ]
}

fn indexes() -> Vec<Attack> {
    vec![
        attack("an index of a pack that is not there", Restored, |forge| {
            good(forge);
            let pack = map(&[("i", bin(&[5; 32])), ("s", bin(&[9; 16])), ("c", uint(1))]);
            forge.index(&[pack]);
        }),
        attack("an index of sixty million packs", Named("more than it may"), |forge| {
            good(forge);
            forge.index_of(&map(&[("p", repeated(&[0x80], 60_000_000))]));
        }),
        attack("an index that announces and does not come", Named("index/"), |forge| {
            good(forge);
            forge.index_of(&[&[0x81, 0xa1, b'p'][..], &array_head(u32::MAX as usize)].concat());
        }),
        attack("an index of a line cut short", Named("cut short"), |forge| {
            good(forge);
            let pack = map(&[("i", bin(&[5; 32])), ("c", uint(1)), ("b", bin(&[1; 41]))]);
            forge.index(&[pack]);
        }),
        attack("a million lines of packs that are not there", Restored, |forge| {
            good(forge);
            let lines = bin(&[0, 0, 0, 1].repeat(10 * 1_000_000));
            let pack = map(&[("i", bin(&[5; 32])), ("c", uint(1)), ("b", lines)]);
            forge.index(&[pack]);
        }),
    ]
}

fn marks() -> Vec<Attack> {
    vec![
        attack("a mark that condemns all", Restored, |forge| {
            good(forge);
            forge.put(Class::Prune, "prune/0.mark", &map(&[]));
        }),
        attack("a mark of two million packs", Restored, |forge| {
            good(forge);
            let packs = bin(&[6; 32].repeat(1_900_000));
            forge.put(Class::Prune, "prune/0.mark", &map(&[("c", packs)]));
        }),
        attack("a session that announces nonsense", Restored, |forge| {
            good(forge);
            let name = snapstore::format::session_name(&session(78), 0);
            forge.put(Class::Session, &name, &[0xc1; 100]);
        }),
        attack("settings that cut everywhere", Named("config"), |forge| {
            good(forge);
            forge.put(Class::Config, "config/1", &map(&[("v", uint(0))]));
        }),
        attack("a marker of 100 KiB", Closed("it is 102400 bytes long"), |forge| {
            good(forge);
            let name = "snap.json".parse().unwrap();
            snapstore::storage::Storage::delete(&forge.storage, &name).unwrap();
            forge.put_raw("snap.json", &vec![b' '; 100 << 10]);
        }),
        attack("a commit of 10,000 deep", Named("snapshots/"), |forge| {
            commit(forge, &[("zz", [vec![0x91; 10_000_000], vec![0x80]].concat())])
        }),
    ]
}

fn session(number: u8) -> snapstore::model::SessionId {
    snapstore::model::SessionId::new([number; 16])
}

fn good(forge: &mut Forge) {
    let evil = forge.directory(&[link("good", b"all is well")]);
    forge.commit_evil(evil);
}

/// A snapshot with this in it, beside a good one.
fn commit(forge: &mut Forge, more: &[(&str, Vec<u8>)]) {
    good(forge);
    let evil = forge.directory(&[link("good", b"all is well")]);
    let evil = forge.directory(&[folder("evil", evil)]);
    let root = forge.directory(&[folder("files", evil)]);
    forge.flush();
    forge.commit_of(&snapshot(root, more));
}
