"""docs/format.md, "Trees", "Entries", "Lists of chunks", "File hash"."""
from blake3 import blake3

from records import LIST_RECORD, PIECE_RECORD, check_path, decode, need
from repository import naming, read_blob
from sealing import DATA, TREE

FILE, DIRECTORY, SYMLINK, CHARACTER_DEVICE, BLOCK_DEVICE, FIFO, SOCKET, COLLECTION, VIEW = range(9)
ENTER, LEAF, LEAVE = range(3)


def check_entry(entry):
    check_path(entry.name)
    need(b"/" not in entry.name, "a name has a slash")
    need(entry.kind <= VIEW, f"kind {entry.kind} of an entry is unknown")
    need(entry.nanoseconds < 10**9, "its time has more than a second of nanoseconds")
    if entry.link_group:
        check_path(entry.link_group)
    for attribute in entry.attributes:
        need(attribute.name and b"\0" not in attribute.name, "the name of an attribute is none")
        need(attribute.depth <= 6, "a list of chunks is too deep")
    if entry.kind == SYMLINK:
        need(entry.target and b"\0" not in entry.target, "the target of a link is none")
    if entry.kind == FILE:
        need(entry.reading <= 2 and entry.depth <= 6, "its reading or depth is unknown")
        data = sum(length for _, length in data_extents(entry.size, entry.holes))
        need(sum(length for _, length in entry.nodes) == data, "its chunks are not as long as its data")


def data_extents(size, holes):
    """(offset, length) of what lies between the holes."""
    extents, position = [], 0
    for offset, length in holes:
        end = offset + length
        need(length > 0 and end <= size and offset % 4096 == 0, "a hole is out of place")
        need(length % 4096 == 0 or end == size, "a hole is not made of whole steps")
        need(offset > position or offset == position == 0, "holes overlap or touch")
        extents.append((position, offset - position))
        position = end
    extents.append((position, size - position))
    return [extent for extent in extents if extent[1] > 0]


def read_piece(repo, blob):
    with naming(f"tree blob {blob.hex()}"):
        piece = decode(PIECE_RECORD, read_blob(repo, TREE, blob))
        need(piece.level <= 16, "it is too deep")
        if piece.level == 0:
            need(not piece.children, "a piece of entries has children")
            keys = [entry.name for entry in piece.entries]
            for entry in piece.entries:
                check_entry(entry)
        else:
            need(piece.children and not piece.entries, "a piece of pieces has none, or has entries")
            keys = [child.last for child in piece.children]
        need(all(a < b for a, b in zip(keys, keys[1:])), "its names are not ascending")
        return piece


def entries(repo, root):
    """The entries of a tree, in order."""
    pending, last = [(None, root)], None
    while pending:
        level, blob = pending.pop()
        piece = read_piece(repo, blob)
        need(level in (None, piece.level), "the level of a piece is another than the one above says")
        pending += [(piece.level - 1, child.id) for child in reversed(piece.children)]
        for entry in piece.entries:
            need(last is None or last < entry.name, "the names of pieces are not ascending")
            last = entry.name
            yield entry


def walk(repo, root):
    """(ENTER, LEAF or LEAVE, entry) of everything below a root, at any depth without recursion."""
    stack = [(None, entries(repo, root))]
    while stack:
        directory, children = stack[-1]
        entry = next(children, None)
        if entry is None:
            stack.pop()
            if directory:
                yield LEAVE, directory
        elif entry.kind == DIRECTORY:
            yield ENTER, entry
            stack.append((entry, entries(repo, entry.tree) if entry.tree else iter(())))
        else:
            yield LEAF, entry


def content(repo, depth, nodes):
    """The plain bytes of a list of chunks, chunk by chunk."""
    stack = [(depth, iter(nodes))]
    while stack:
        depth, nodes = stack[-1]
        blob, length = next(nodes, (None, None))
        if blob is None:
            stack.pop()
        elif depth == 0:
            plain = read_blob(repo, DATA, blob)
            need(len(plain) == length, f"chunk {blob.hex()} is not as long as it should be")
            yield plain
        else:
            below = decode(LIST_RECORD, read_blob(repo, TREE, blob))
            need(below.depth == depth - 1, "the depth of a list is another than the one above says")
            need(sum(part for _, part in below.nodes) == length, "a list is not as long as it should be")
            stack.append((below.depth, iter(below.nodes)))


def hash_file(repo, entry, write=lambda data: None):
    """Gives the file's data to `write`, and proves its hash."""
    hasher = blake3()
    for data in content(repo, entry.depth, entry.nodes):
        hasher.update(data)
        write(data)
    for offset, length in data_extents(entry.size, entry.holes):
        hasher.update(offset.to_bytes(8, "little") + length.to_bytes(8, "little"))
    need(entry.hash in (None, hasher.digest()), f"the content of {entry.name!r} is not what its hash says")
