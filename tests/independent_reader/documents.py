"""docs/format.md, "Collections" and "Keys of documents"."""
import heapq
import struct
from decimal import Decimal

from records import CHILD, LEAF_RECORD, PIECE_RECORD, decode, need
from repository import naming, read_blob
from sealing import DATA, TREE
from trees import content

LARGEST_DOCUMENT = (16 << 20) + (16 << 10)
DEEPEST = 250
MOST_OVERLAYS = 8
RANKS = {
    0xFF: 10, 0x06: 15, 0x0A: 20, 0x01: 30, 0x10: 30, 0x12: 30, 0x13: 30, 0x02: 60, 0x0E: 60, 0x03: 70, 0x04: 80,
    0x05: 90, 0x07: 100, 0x08: 110, 0x09: 120, 0x11: 130, 0x0B: 140, 0x0C: 150, 0x0D: 160, 0x0F: 170, 0x7F: 240,
}  # fmt: skip
FIXED = {0x01: 8, 0x06: 0, 0x07: 12, 0x08: 1, 0x09: 8, 0x0A: 0, 0x10: 4, 0x11: 8, 0x12: 8, 0x13: 16, 0x7F: 0, 0xFF: 0}


def int32(data, at):
    need(at + 4 <= len(data), "a length is cut short")
    return int.from_bytes(data[at : at + 4], "little", signed=True)


def value_length(kind, data, at):
    if kind in FIXED:
        return FIXED[kind]
    if kind == 0x0B:
        return data.index(b"\0", data.index(b"\0", at) + 1) + 1 - at
    length = int32(data, at)
    need(length >= 0, "a length is negative")
    return length + {0x02: 4, 0x0D: 4, 0x0E: 4, 0x05: 5, 0x0C: 16, 0x03: 0, 0x04: 0, 0x0F: 0}[kind]


def elements(data):
    """(type, name, value) of a document."""
    need(len(data) >= 5 and int32(data, 0) == len(data) and data[-1] == 0, "a document has another length")
    at = 4
    while at < len(data) - 1:
        kind, name_end = data[at], data.index(b"\0", at + 1)
        need(kind in RANKS, f"type {kind} is unknown")
        end = name_end + 1 + value_length(kind, data, name_end + 1)
        need(end < len(data), "a value leads out of its document")
        yield kind, data[at + 1 : name_end], data[name_end + 1 : end]
        at = end


def text(data):
    return data.replace(b"\0", b"\0\xff") + b"\0"


def decimal128(value):
    bits = int.from_bytes(value, "little")
    sign, combination = bits >> 127, bits >> 122 & 0x1F
    if combination >= 0x1E:
        return Decimal("nan") if combination == 0x1F else Decimal("-inf" if sign else "inf")
    if combination >> 3 == 3:
        return Decimal(0)
    coefficient = bits & (1 << 113) - 1
    return Decimal((sign, [int(digit) for digit in str(coefficient if coefficient < 10**34 else 0)], (bits >> 113 & 0x3FFF) - 6176))


def number(value):
    if value.is_nan():
        return b"\1"
    if value.is_infinite():
        return b"\2" if value < 0 else b"\6"
    if not value:
        return b"\4"
    _, digits, exponent = value.as_tuple()
    exponent += len(digits) - 1
    digits = "".join(map(str, digits)).rstrip("0")
    pairs = bytes(int(digits[at : at + 2].ljust(2, "0")) + 1 for at in range(0, len(digits), 2))
    body = (exponent + 32768).to_bytes(2, "big") + pairs + b"\0"
    return b"\5" + body if value > 0 else b"\3" + bytes(byte ^ 0xFF for byte in body)


def body(kind, value, depth=0):
    need(depth <= DEEPEST, "an _id is too deep")
    if kind in (0x02, 0x0E, 0x0D):
        return text(value[4:-1])
    if kind == 0x01:
        return number(Decimal(struct.unpack("<d", value)[0]))
    if kind in (0x10, 0x12):
        return number(Decimal(int.from_bytes(value, "little", signed=True)))
    if kind == 0x13:
        return number(decimal128(value))
    if kind in (0x03, 0x04):
        parts = []
        for inner, name, held in elements(value):
            parts += [bytes([RANKS[inner]]), text(name) if kind == 0x03 else b"", body(inner, held, depth + 1)]
        return b"".join(parts) + b"\0"
    if kind == 0x05:
        return value[3::-1] + value[4:]
    if kind == 0x09:
        return (int.from_bytes(value, "little") ^ 1 << 63).to_bytes(8, "big")
    if kind == 0x11:
        return value[::-1]
    if kind == 0x0C:
        return len(value).to_bytes(4, "big") + value
    if kind == 0x0F:
        code_end = 8 + int32(value, 4)
        return text(value[8 : code_end - 1]) + body(0x03, value[code_end:], depth + 1)
    return value


def key(document):
    for kind, name, value in elements(document):
        if name == b"_id":
            return bytes([RANKS[kind]]) + body(kind, value)
    need(False, "a document has no _id")


def split(data):
    at = 0
    while at < len(data):
        length = int32(data, at)
        need(5 <= length <= LARGEST_DOCUMENT and at + length <= len(data), "a document has another length")
        yield data[at : at + length]
        at += length


def leaf(repo, blob):
    with naming(f"data blob {blob.hex()}"):
        found = decode(LEAF_RECORD, read_blob(repo, DATA, blob))
        return list(split(found.documents)), found.deleted


def children(repo, root):
    """The children of pieces of level 1, in order."""
    pending = [(None, root)]
    while pending:
        level, blob = pending.pop()
        with naming(f"tree blob {blob.hex()}"):
            piece = decode(PIECE_RECORD, read_blob(repo, TREE, blob))
            need(1 <= piece.level <= 16 and level in (None, piece.level), "its level is another")
            need(piece.children and not piece.entries, "it is no piece of pieces")
        if piece.level == 1:
            yield from piece.children
        else:
            pending += [(piece.level - 1, child.id) for child in reversed(piece.children)]


def documents(repo, collection):
    """All documents of a collection, in order, after proof of what docs/format.md says of them."""
    if collection.is_stream:
        yield from split(b"".join(content(repo, collection.depth, collection.nodes)))
        return
    base = [keyed(repo, collection.tree, True)] if collection.tree else []
    trees = base + [keyed(repo, root, False) for root in collection.overlays]
    # Of one key the newest tree comes first.
    newest_first = [aged(tree, -number) for number, tree in enumerate(trees)]
    last = None
    for found, _, document in heapq.merge(*newest_first, key=lambda item: item[:2]):
        if found != last and document is not None:
            yield document
        last = found


def aged(tree, age):
    return ((found, age, document) for found, document in tree)


def keyed(repo, root, is_base):
    """(key, document) of one tree, in order; where a key is deleted, None for the document."""
    last = b""
    for child in children(repo, root):
        if child.nodes:
            need(child.id == CHILD.default.id and child.entries == 1, "a large document is not alone")
            found, deleted = [b"".join(content(repo, child.depth, child.nodes))], []
        else:
            found, deleted = leaf(repo, child.id)
        need(not (is_base and deleted), "it belongs to an overlay")
        pairs = [(key(document), document) for document in found]
        for ascending in (deleted, [found for found, _ in pairs]):
            need(all(one < other for one, other in zip(ascending, ascending[1:])), "keys do not ascend")
        for found, document in sorted(pairs + [(one, None) for one in deleted], key=lambda pair: pair[0]):
            need(last < found, "keys do not ascend")
            last = found
            yield found, document
        need(last == child.last and len(pairs) + len(deleted) == child.entries, "a leaf is not as the piece above says")


def check_collection(repo, collection):
    need(len(collection.overlays) <= MOST_OVERLAYS, "it has too many overlays")
    for described in [collection.options, *collection.indexes]:
        list(elements(described))
    count = size = 0
    for document in documents(repo, collection):
        count, size = count + 1, size + len(document)
    need(count == collection.files, "it counts its documents wrong")
    need(collection.scanned or size == collection.bytes, "its size is another")
