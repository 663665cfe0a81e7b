"""docs/format.md, "Records": MessagePack maps with fixed keys in a fixed order, defaults left out."""
import contextlib
import re
from collections import namedtuple
from types import SimpleNamespace

import msgpack


class Refused(Exception):
    """What was read is not what docs/format.md says."""

    code = 4


class TooNew(Refused):
    code = 13


class WrongKey(Refused):
    code = 12


class NotFound(Refused):
    code = 5


def need(condition, why):
    if not condition:
        raise Refused(why)


Kind = namedtuple("Kind", "default read")


def checked(default, is_valid):
    def read(value):
        need(is_valid(value), f"{value!r:.80} is not of the type that belongs here")
        return value

    return Kind(default, read)


def whole(bits):
    return checked(0, lambda value: type(value) is int and 0 <= value < 1 << bits)


def fixed(length):
    return checked(bytes(length), lambda value: type(value) is bytes and len(value) == length)


def optional(kind):
    return Kind(None, kind.read)


def listed(kind):
    def read(value):
        need(type(value) is tuple, "an array is missing")
        return [kind.read(item) for item in value]

    return Kind([], read)


def pair(first, second):
    def read(value):
        need(type(value) is tuple and len(value) == 2, "a pair is missing")
        return first.read(value[0]), second.read(value[1])

    return Kind(None, read)


def record(*fields):
    """`fields` are (key, name, kind) in the order of the format."""
    positions = {key: position for position, (key, _, _) in enumerate(fields)}

    def defaults():
        return SimpleNamespace(**{name: kind.default for _, name, kind in fields})

    def read(value):
        need(type(value) is list, "a map is missing")
        found, seen = defaults(), -1
        for key, item in value:
            if (position := positions.get(TEXT.read(key))) is None:
                continue
            need(position > seen, f"key {key!r} is out of order")
            _, name, kind = fields[position]
            item = kind.read(item)
            need(item != kind.default, f"key {key!r} has its default written out")
            setattr(found, name, item)
            seen = position
        return found

    return Kind(defaults(), read)


def moment(kind):
    def read(value):
        time = kind.read(value)
        in_range = -377705023201 <= time.seconds <= 253402207200 and time.nanoseconds < 10**9
        need(in_range, "a time is in no calendar")
        return time

    return Kind(kind.default, read)


U8, U16, U32, U64 = whole(8), whole(16), whole(32), whole(64)
I64 = checked(0, lambda value: type(value) is int and -(1 << 63) <= value < 1 << 63)
BYTES = checked(b"", lambda value: type(value) is bytes)
TEXT = checked("", lambda value: type(value) is str and not re.search("[\ud800-\udfff]", value))
TRUTH = checked(False, lambda value: type(value) is bool)
ID, SHORT_ID = fixed(32), fixed(16)
NODES = listed(pair(ID, U64))
VERSION = ("v", "version", U32)
TIME = moment(record(("s", "seconds", I64), ("n", "nanoseconds", U32)))
SLOT_HEAD_RECORD = record(
    VERSION, ("k", "kind", U8), ("s", "salt", SHORT_ID), ("m", "memory_kib", U32), ("t", "passes", U32),
    ("p", "lanes", U32), ("c", "created", TIME), ("l", "label", TEXT),
)  # fmt: skip
EPOCH = record(("n", "number", U32), ("k", "key", ID))
RING_RECORD = record(
    VERSION, ("e", "epochs", listed(EPOCH)), ("d", "data_id_key", ID), ("t", "tree_id_key", ID),
    ("c", "chunk_key", ID),
)  # fmt: skip
CONFIG_RECORD = record(
    VERSION, ("n", "least", U32), ("a", "average", U32), ("x", "largest", U32), ("z", "level", U8),
    ("p", "pack_size", U32), ("r", "reserve", U64), ("k", "retention", listed(pair(TEXT, TEXT))),
)  # fmt: skip
TABLE_RECORD = record(VERSION, ("b", "lines", BYTES), ("p", "payload", ID))
INDEXED_PACK = record(
    ("i", "id", ID), ("s", "session", SHORT_ID), ("c", "class_", U8), ("z", "size", U32), ("b", "lines", BYTES),
    ("p", "payload", ID),
)  # fmt: skip
INDEX_RECORD = record(VERSION, ("s", "session", SHORT_ID), ("p", "packs", listed(INDEXED_PACK)))
SESSION_RECORD = record(
    VERSION, ("k", "kind", U8), ("h", "host", TEXT), ("m", "machine", ID), ("b", "boot", SHORT_ID),
    ("n", "namespace", U64), ("p", "process", U32), ("s", "started", U64), ("t", "begun", TIME),
)  # fmt: skip
SOURCE = record(
    ("a", "address", BYTES), ("p", "path", BYTES), ("t", "as_of", TIME), ("u", "is_partial", TRUTH),
    ("m", "moment", U64), ("w", "whole_from", U64), ("e", "is_with_all", TRUTH),
)
SNAPSHOT_RECORD = record(
    VERSION, ("k", "kind", U8), ("b", "begun", TIME), ("t", "taken", TIME), ("h", "host", TEXT),
    ("u", "user", TEXT), ("U", "uid", U32), ("G", "gid", U32), ("s", "sources", listed(SOURCE)),
    ("g", "tags", listed(TEXT)), ("r", "tree", ID), ("F", "files", U64), ("D", "directories", U64),
    ("B", "bytes", U64), ("x", "problems", U64), ("w", "writer", SHORT_ID), ("q", "sequence", U64),
    ("P", "previous", optional(ID)), ("p", "parent", optional(SHORT_ID)), ("o", "original", optional(SHORT_ID)),
    ("m", "program", TEXT),
)  # fmt: skip
FORGOTTEN_RECORD = record(
    VERSION, ("w", "writer", SHORT_ID), ("q", "sequence", U64), ("h", "hash", ID), ("t", "when", TIME)
)
PRUNE_RECORD = record(VERSION, ("s", "session", SHORT_ID), ("c", "condemned", BYTES))
DAMAGED_RECORD = record(VERSION, ("w", "why", TEXT), ("t", "when", TIME))
ATTRIBUTE = record(("n", "name", BYTES), ("v", "value", BYTES), ("d", "depth", U8), ("c", "nodes", NODES))
ENTRY = record(
    ("n", "name", BYTES), ("t", "kind", U8), ("m", "mode", U16), ("u", "user", U32), ("g", "group", U32),
    ("U", "user_name", TEXT), ("G", "group_name", TEXT), ("s", "seconds", I64), ("N", "nanoseconds", U32),
    ("f", "flags", U32), ("x", "attributes", listed(ATTRIBUTE)), ("L", "link_group", BYTES), ("z", "size", U64),
    ("h", "hash", optional(ID)), ("r", "reading", U8), ("H", "holes", listed(pair(U64, U64))), ("d", "depth", U8),
    ("c", "nodes", NODES), ("T", "target", BYTES), ("M", "major", U32), ("i", "minor", U32),
    ("D", "tree", optional(ID)), ("F", "files", U64), ("S", "directories", U64), ("B", "bytes", U64),
    ("O", "options", BYTES), ("y", "is_time_series", TRUTH), ("Q", "uuid", optional(SHORT_ID)),
    ("I", "indexes", listed(BYTES)), ("W", "is_stream", TRUTH), ("w", "is_fuzzy", TRUTH), ("A", "moment", U64),
    ("V", "overlays", listed(ID)), ("E", "log_entry", optional(ID)), ("R", "scanned", I64),
)  # fmt: skip
CHILD = record(("k", "last", BYTES), ("i", "id", ID), ("e", "entries", U64), ("d", "depth", U8), ("c", "nodes", NODES))
PIECE_RECORD = record(VERSION, ("l", "level", U8), ("e", "entries", listed(ENTRY)), ("c", "children", listed(CHILD)))
LEAF_RECORD = record(VERSION, ("b", "documents", BYTES), ("x", "deleted", listed(BYTES)))
LIST_RECORD = record(VERSION, ("d", "depth", U8), ("c", "nodes", NODES))


def version(data):
    """The format version that a record begins with, whatever comes after; 0 if it has none."""
    unpacker = msgpack.Unpacker(raw=True, max_buffer_size=0)
    unpacker.feed(data)
    with contextlib.suppress(ValueError, msgpack.UnpackException):
        if unpacker.read_map_header() > 0 and unpacker.unpack() == b"v":
            return U32.read(unpacker.unpack())
    return 0


def decode(kind, data):
    """Maps come as lists of pairs, arrays as tuples, what is no UTF-8 in text as surrogates."""
    if (found := version(data)) > 0:
        raise TooNew(f"it has format version {found}")
    try:
        value = msgpack.unpackb(
            data, use_list=False, object_pairs_hook=list, strict_map_key=False, unicode_errors="surrogateescape"
        )
    except ValueError as error:
        raise Refused(f"no MessagePack: {error}") from error
    found = kind.read(value)
    if found.version > 0:
        raise TooNew(f"it has format version {found.version}")
    return found


def check_path(path):
    for name in path.split(b"/"):
        need(name not in (b"", b".", b"..") and b"\0" not in name and len(name) <= 4096, f"{path!r:.80} is no path")
