"""Opens everything in a repository and holds it against everything else."""
from collections import defaultdict

from blake3 import blake3

from documents import check_collection
from records import CONFIG_RECORD, DAMAGED_RECORD, PRUNE_RECORD, SESSION_RECORD, TABLE_RECORD, TooNew, decode, need
from repository import (
    HEX16,
    HEX32,
    LARGEST_HEAD,
    NUMBER,
    ZEROS,
    names,
    naming,
    open_blob,
    open_object,
    open_sealed,
    pack_name,
    read_lines,
    read_object,
    snapshots,
)
from sealing import CONFIG, DAMAGED, DATA, PRUNE, SESSION, TABLE, TREE, read_slot_head
from trees import COLLECTION, ENTER, FILE, LEAVE, content, hash_file, walk


def verify_pack(repo, pack):
    stored = read_object(repo, pack_name(pack), (1 << 32) - 1)
    need(blake3(stored).hexdigest() == pack, "its content does not match its name")
    footer = stored[-40:]
    need(len(footer) == 40 and footer[32:] == b"snappack", "it has no footer")
    if footer[9] > 0:
        raise TooNew(f"it has format version {footer[9]}")
    class_, parity, table_length = footer[8], int.from_bytes(footer[:4], "little"), int.from_bytes(footer[4:8], "little")
    need(class_ in (DATA, TREE), f"class {class_} of its blobs is unknown")
    table_end = len(stored) - 40 - parity
    table_start = table_end - table_length
    need(table_start >= 0, "it is too short")
    table = decode(TABLE_RECORD, open_sealed(repo, TABLE, ZEROS, stored[table_start:table_end]))
    end, blobs = 0, set()
    for blob, place in read_lines(pack, table.lines):
        end = place.offset + place.stored
        open_blob(repo, class_, blob, place, stored[place.offset : end])
        blobs.add(blob)
    need(end == table_start, "its table does not describe all of it")
    need(table.payload == ZEROS or table.payload in blobs, "it does not hold the payload that it names")
    for indexed in repo.indexed[pack]:
        told = (indexed.class_, indexed.session, indexed.size, indexed.lines, indexed.payload)
        need(told == (class_, footer[16:32], len(stored), table.lines, table.payload), "the index tells otherwise")
    return len(blobs)


def verify_tree(repo, snapshot, known):
    """Reads all content, and counts again what directories say of themselves."""
    counts = [[0, 0, 0]]
    for event, entry in walk(repo, snapshot.tree):
        if event == ENTER:
            counts.append([0, 0, 0])
            continue
        found = [1, 0, entry.size if entry.kind == FILE else 0]
        if entry.kind == COLLECTION:
            found = [1, 0, entry.bytes]
            check_collection(repo, entry)
        if event == LEAVE:
            found = counts.pop()
            need(found == [entry.files, entry.directories, entry.bytes], f"{entry.name!r} counts its content wrong")
            found[1] += 1
        counts[-1] = [a + b for a, b in zip(counts[-1], found)]
        for attribute in entry.attributes:
            for _ in content(repo, attribute.depth, attribute.nodes):
                pass
        key = entry.hash, entry.depth, tuple(entry.nodes), tuple(entry.holes), entry.size
        if entry.kind == FILE and key not in known:
            hash_file(repo, entry)
            known.add(key)
    need(counts == [[snapshot.files, snapshot.directories, snapshot.bytes]], "it counts its content wrong")


def verify_chains(live, forgotten):
    """Two snapshots may have the same number: of backups at once, or after a crash."""
    hashes = defaultdict(set)
    for link in [*live, *forgotten.values()]:
        hashes[link.writer, link.sequence].add(link.hash)
    for snapshot in live:
        before = hashes[snapshot.writer, snapshot.sequence - 1]
        need(snapshot.previous is None or snapshot.previous in before, f"the one before {snapshot.id} is not there")


def verify(repo):
    counts = defaultdict(int)
    for name in names(repo, "keys", HEX16):
        with naming(f"keys/{name}"):
            read_slot_head(bytes.fromhex(name), read_object(repo, f"keys/{name}", LARGEST_HEAD))
    for folder, pattern, class_, kind in [
        ("config", NUMBER, CONFIG, CONFIG_RECORD),
        ("prune", rf"({NUMBER})\.(mark|final|done)", PRUNE, PRUNE_RECORD),
        ("damaged", HEX32, DAMAGED, DAMAGED_RECORD),
    ]:
        for name in names(repo, folder, pattern):
            open_object(repo, class_, kind, f"{folder}/{name}")
            counts[folder] += 1
    for session in names(repo, "sessions", HEX16):
        for name in names(repo, f"sessions/{session}", NUMBER):
            open_object(repo, SESSION, SESSION_RECORD if name == "0" else None, f"sessions/{session}/{name}")
    for pack in sorted(repo.packs):
        with naming(pack_name(pack)):
            counts["blobs"] += verify_pack(repo, pack)
            counts["packs"] += 1
    live, forgotten = snapshots(repo)
    known = set()
    for snapshot in live:
        with naming(f"snapshots/{snapshot.id}"):
            verify_tree(repo, snapshot, known)
            counts["snapshots"] += 1
    verify_chains(live, forgotten)
    print(f"verified: {counts['snapshots']} snapshots, {counts['packs']} packs, {counts['blobs']} blobs")
