"""docs/format.md, "Objects": opening a repository, its index, its packs and its blobs."""
import contextlib
import json
import os
import re
from collections import defaultdict, namedtuple
from types import SimpleNamespace

from blake3 import blake3

from records import (
    CONFIG_RECORD,
    FORGOTTEN_RECORD,
    INDEX_RECORD,
    SNAPSHOT_RECORD,
    Refused,
    TooNew,
    WrongKey,
    check_path,
    decode,
    need,
)
from sealing import (
    CONFIG,
    DATA,
    FORGOTTEN,
    INDEX,
    KEY_RING,
    SNAPSHOT,
    TREE,
    keyed,
    object_context,
    read_ring,
    read_slot_head,
    slot_key,
    unseal,
)

MIB = 1 << 20
LARGEST_BLOB, LARGEST_OBJECT, LARGEST_HEAD = 16 * MIB, 256 * MIB, 64 << 10
SEAL_OVERHEAD = 4 + 16 + 5 + 16
ZEROS = bytes(32)
HEX16, HEX32, NUMBER = "[0-9a-f]{32}", "[0-9a-f]{64}", "0|[1-9][0-9]*"


def read_object(repo, name, limit=LARGEST_OBJECT):
    path = os.path.join(repo.path, name)
    need(os.path.isfile(path), f"{name} is not there")
    need(os.path.getsize(path) <= limit, f"{name} is too large")
    with open(path, "rb") as file:
        return file.read()


def names(repo, folder, pattern):
    """The objects of a folder, sorted; other files in it are passed over."""
    path = os.path.join(repo.path, folder)
    found = os.listdir(path) if os.path.isdir(path) else []
    return sorted(name for name in found if re.fullmatch(pattern, name))


@contextlib.contextmanager
def naming(what):
    """Says in which object something was found."""
    try:
        yield
    except Refused as error:
        raise type(error)(f"{what}: {error}") from error


def master_key(repo, sealed):
    need(len(sealed) >= 4, "it is too short")
    number = int.from_bytes(sealed[:4], "little")
    need(number in repo.epochs, f"master key {number} is not in the key ring")
    return repo.epochs[number]


def open_sealed(repo, class_, context, sealed):
    return unseal(master_key(repo, sealed), repo.id, class_, context, sealed, LARGEST_OBJECT)


def open_object(repo, class_, kind, name):
    """(record, plain bytes) of a sealed object with a name."""
    with naming(name):
        plain = open_sealed(repo, class_, object_context(name), read_object(repo, name))
        return (decode(kind, plain) if kind else None), plain


def open_repository(path, password, key):
    repo = SimpleNamespace(path=path, epochs={})
    with naming("snap.json"):
        try:
            marker = json.loads(read_object(repo, "snap.json", LARGEST_HEAD))
            need(marker["magic"] == "snap repository", "its magic is another")
            if marker["version"] > 0:
                raise TooNew(f"it has format version {marker['version']}")
            need(re.fullmatch(HEX16, marker["repository"]), "its repository id is none")
            need(type(marker["created"]) is str, "it does not say when it was made")
            repo.id = bytes.fromhex(marker["repository"])
        except (ValueError, KeyError, TypeError) as error:
            raise Refused(f"{error!r}") from error
    open_ring(repo, password, key)
    number = max(map(int, names(repo, "config", NUMBER)), default=None)
    need(number is not None, "the repository has no settings")
    repo.config, _ = open_object(repo, CONFIG, CONFIG_RECORD, f"config/{number}")
    read_index(repo)
    return repo


def open_ring(repo, password, key):
    failure = None
    for name in names(repo, "keys", HEX16)[:64]:
        try:
            with naming(f"keys/{name}"):
                ring = try_slot(repo, name, password, key)
        except Refused as error:
            failure = failure or error
            continue
        if ring is not None:
            repo.epochs = {epoch.number: epoch.key for epoch in ring.epochs}
            repo.id_keys = {DATA: ring.data_id_key, TREE: ring.tree_id_key}
            repo.chunk_key = ring.chunk_key
            return
        failure = WrongKey("the password or key opens no key slot")
    raise failure or Refused("the repository has no key slot")


def try_slot(repo, name, password, key):
    """The key ring; None if the slot is of another kind, or another password's."""
    head, sealed = read_slot_head(bytes.fromhex(name), read_object(repo, f"keys/{name}", LARGEST_HEAD))
    if (key_encryption_key := slot_key(head, password, key)) is None:
        return None
    try:
        context = object_context(f"keys/{name}")
        plain = unseal(key_encryption_key, repo.id, KEY_RING, context, sealed, LARGEST_HEAD)
    except Refused:
        return None
    return read_ring(plain)


# Packs and blobs

# `stored` and `opened` are of the frame, in which the blob begins at `start`.
Place = namedtuple("Place", "pack offset stored opened start plain")


def read_lines(pack, lines):
    """(blob id, place) of each line of a table."""
    for offset, stored, blobs in read_frames(lines):
        opened = sum(plain for _, plain in blobs)
        need(opened <= LARGEST_BLOB, "a frame of it is too large")
        need(len(blobs) == 1 or all(plain for _, plain in blobs), "an empty blob lies with others")
        start = 0
        for blob, plain in blobs:
            yield blob, Place(pack, offset, stored, opened, start, plain)
            start += plain


def read_frames(lines):
    """(offset, bytes as stored, blobs with their plain lengths) of each frame."""
    need(len(lines) % 40 == 0, "a line of its table is cut short")
    frames, end = [], 0
    for start in range(0, len(lines), 40):
        line = lines[start : start + 40]
        stored, plain = int.from_bytes(line[32:36], "little"), int.from_bytes(line[36:], "little")
        if stored:
            frames.append((end, stored, []))
        need(frames, "its first blob is in no frame")
        end += stored
        need(end < 1 << 32, "its frames exceed 4 GiB")
        frames[-1][2].append((line[:32], plain))
    return frames


def pack_name(pack):
    return f"packs/{pack[:2]}/{pack}"


def read_index(repo):
    """Index first, then the listing of packs: only lines of listed packs count."""
    indexed = []
    for name in names(repo, "index", HEX32):
        with naming(f"index/{name}"):
            sealed = read_object(repo, f"index/{name}")
            need(blake3(sealed).hexdigest() == name, "its content does not match its name")
            indexed += decode(INDEX_RECORD, open_sealed(repo, INDEX, ZEROS, sealed)).packs
    folders = names(repo, "packs", "[0-9a-f]{2}")
    repo.packs = {pack for folder in folders for pack in names(repo, f"packs/{folder}", HEX32) if pack[:2] == folder}
    repo.indexed = defaultdict(list)
    repo.places = {DATA: defaultdict(list), TREE: defaultdict(list)}
    for pack in indexed:
        need(pack.class_ in (DATA, TREE), f"class {pack.class_} of a pack is unknown")
        repo.indexed[pack.id.hex()].append(pack)
        lines = list(read_lines(pack.id.hex(), pack.lines))
        if pack.id.hex() in repo.packs:
            for blob, place in lines:
                repo.places[pack.class_][blob].append(place)


def open_blob(repo, class_, blob, place, sealed):
    """Out of its frame."""
    with naming(f"blob {blob.hex()}"):
        context = blob if place.plain == place.opened else ZEROS
        opened = unseal(master_key(repo, sealed), repo.id, class_, context, sealed, LARGEST_BLOB)
        need(len(opened) == place.opened, "its frame has another length")
        plain = opened[place.start : place.start + place.plain]
        need(keyed(repo.id_keys[class_], plain) == blob, "its content is not what its id says")
        return plain


def read_blob(repo, class_, blob):
    """The plain bytes of a blob, from the first place that has it whole."""
    failure = Refused(f"blob {blob.hex()} is in no pack that counts")
    for place in repo.places[class_].get(blob, []):
        try:
            need(place.stored <= LARGEST_BLOB + SEAL_OVERHEAD, f"blob {blob.hex()} is too large")
            with open(os.path.join(repo.path, pack_name(place.pack)), "rb") as file:
                file.seek(place.offset)
                return open_blob(repo, class_, blob, place, file.read(place.stored))
        except Refused as error:
            failure = error
    raise failure


# Snapshots


def snapshots(repo):
    """(live snapshots in order of time, forgotten marks); snapshots have their id and hash."""
    listed, forgotten, live = names(repo, "snapshots", HEX16), {}, []
    for name in names(repo, "forgotten", HEX16):
        forgotten[name], _ = open_object(repo, FORGOTTEN, FORGOTTEN_RECORD, f"forgotten/{name}")
    for name in listed:
        snapshot, plain = open_object(repo, SNAPSHOT, SNAPSHOT_RECORD, f"snapshots/{name}")
        need(snapshot.kind <= 2, f"kind {snapshot.kind} of a snapshot is unknown")
        if snapshot.kind < 2 and name not in forgotten:
            snapshot.id, snapshot.hash = name, blake3(plain).digest()
            for source in snapshot.sources:
                check_path(source.path or b"files")
            live.append(snapshot)
    live.sort(key=lambda s: (s.begun.seconds, s.begun.nanoseconds, s.taken.seconds, s.taken.nanoseconds, s.id))
    return live, forgotten
