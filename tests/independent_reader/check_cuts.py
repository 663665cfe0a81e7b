"""Holds a repository against what docs/format.md asks of writers: where trees and files are cut,
how lists of chunks are built, and that records have their one form.

    check_cuts.py REPOSITORY

The password is in SNAP_PASSWORD. Python cuts some 10 MB a second: for small repositories.
"""
import os
import sys
from itertools import chain

import msgpack
from blake3 import blake3

from cut_points import cut_lengths
from documents import children, key, leaf
from records import LIST_RECORD, PIECE_RECORD, decode, need
from repository import open_repository, read_blob, snapshots
from sealing import TREE
from trees import COLLECTION, ENTER, FILE, LEAF, content, walk

LEAST_PIECE, LARGEST_PIECE, CUT_MASK = 16_384, 524_288, 511
LEAST_LEAF, LARGEST_LEAF = 65_536, 1_048_576
WIDEST_LIST = 1000


def encoded(value):
    """The one form of a value that was decoded into lists of pairs and tuples."""
    packer = msgpack.Packer()
    if isinstance(value, list):
        parts = [packer.pack_map_header(len(value)), *map(encoded, chain.from_iterable(value))]
    elif isinstance(value, tuple):
        parts = [packer.pack_array_header(len(value)), *map(encoded, value)]
    else:
        return packer.pack(value)
    return b"".join(parts)


def decoded(data):
    value = msgpack.unpackb(data, use_list=False, object_pairs_hook=list)
    need(encoded(value) == data, "a record does not have its one form")
    return value


# Trees


def ends_after(repo, level, key, size):
    if size < LEAST_PIECE:
        return False
    hash = blake3(b"piece" + bytes([level]) + key, key=repo.chunk_key).digest(length=8)
    return size >= LARGEST_PIECE or int.from_bytes(hash, "little") & CUT_MASK == 0


def cut_pieces(repo, level, items):
    """The keys of each piece that (key, size) are cut into."""
    pieces, size = [[]], 0
    for key, length in items:
        pieces[-1].append(key)
        size += length
        if ends_after(repo, level, key, size):
            pieces.append([])
            size = 0
    return [piece for piece in pieces if piece]


def pieces_of(repo, root):
    """For each level, from 0: its pieces, each a list of (key, size)."""
    levels, pending = {}, [root]
    while pending:
        data = read_blob(repo, TREE, pending.pop())
        value, piece = dict(decoded(data)), decode(PIECE_RECORD, data)
        items = [(dict(entry)["n"], len(encoded(entry))) for entry in value.get("e", ())]
        items += [(child.last, len(child.last) + 48) for child in piece.children]
        pending += [child.id for child in reversed(piece.children)]
        levels.setdefault(piece.level, []).append(items)
    return [levels[level] for level in sorted(levels)]


def check_tree(repo, root):
    levels = pieces_of(repo, root)
    for level, pieces in enumerate(levels):
        found = [[key for key, _ in piece] for piece in pieces if piece]
        need(found == cut_pieces(repo, level, chain.from_iterable(pieces)), "a tree is cut elsewhere")
    need(len(levels[-1]) == 1 and all(len(pieces) > 1 for pieces in levels[:-1]), "a tree has levels too many")
    return len(levels)


# Collections


def ends_leaf(repo, document, size):
    if size < LEAST_LEAF:
        return False
    hash = blake3(b"piece\0" + key(document), key=repo.chunk_key).digest(length=8)
    bits = max(0, 18 - (len(document).bit_length() - 1))
    return size >= LARGEST_LEAF or int.from_bytes(hash, "little") % (1 << bits) == 0


def check_leaves(repo, found):
    for child, after in zip(found, [*found[1:], None]):
        if child.nodes:
            continue
        size, documents = 0, leaf(repo, child.id)[0]
        for document in documents[:-1]:
            size += len(document)
            need(not ends_leaf(repo, document, size), "a leaf goes on where it should end")
        ends = ends_leaf(repo, documents[-1], size + len(documents[-1]))
        need(ends or after is None or after.nodes, "a leaf ends where it should go on")


def check_collection(repo, root):
    """The lists, and the leaves below them."""
    levels, pending = {}, [root]
    while pending:
        data = read_blob(repo, TREE, pending.pop())
        decoded(data)
        piece = decode(PIECE_RECORD, data)
        if piece.level > 1:
            pending += [child.id for child in reversed(piece.children)]
        items = [(child.last, len(child.last) + 48 + 48 * len(child.nodes)) for child in piece.children]
        levels.setdefault(piece.level, []).append(items)
    for level, pieces in levels.items():
        found = [[last for last, _ in piece] for piece in pieces]
        need(found == cut_pieces(repo, level, chain.from_iterable(pieces)), "a collection is cut elsewhere")
    need(len(levels[max(levels)]) == 1, "a collection has several roots")
    check_leaves(repo, list(children(repo, root)))


# Files


def build_lists(count):
    """(depth, nodes) of chunks 0 to count - 1; a list is a list of its nodes."""
    levels = [[]]
    for node in range(count):
        depth = 0
        while len(levels[depth]) == WIDEST_LIST:
            levels[depth], node, depth = [node], levels[depth], depth + 1
            if len(levels) == depth:
                levels.append([])
        levels[depth].append(node)
    for below, above in zip(levels, levels[1:]):
        above.append(below)
    return len(levels) - 1, levels[-1]


def found_lists(repo, depth, nodes, chunks):
    """The same of what is there; adds the lengths of chunks to `chunks`. No deeper than 6."""
    found = []
    for blob, length in nodes:
        if depth == 0:
            found.append(len(chunks))
            chunks.append(length)
        else:
            data = read_blob(repo, TREE, blob)
            decoded(data)
            found.append(found_lists(repo, depth - 1, decode(LIST_RECORD, data).nodes, chunks))
    return found


def check_file(repo, entry):
    chunks = []
    lists = found_lists(repo, entry.depth, entry.nodes, chunks)
    need((entry.depth, lists) == build_lists(len(chunks)), f"the lists of {entry.name!r} are built otherwise")
    data = b"".join(content(repo, entry.depth, entry.nodes))
    sizes = repo.config.least, repo.config.average, repo.config.largest
    need(cut_lengths(repo.chunk_key, data, *sizes) == chunks, f"{entry.name!r} is cut elsewhere")
    return entry.depth


def main(path):
    repo = open_repository(os.path.abspath(path), os.environb[b"SNAP_PASSWORD"], None)
    levels = depth = 0
    for snapshot in snapshots(repo)[0]:
        levels = max(levels, check_tree(repo, snapshot.tree))
        for event, entry in walk(repo, snapshot.tree):
            if event == ENTER and entry.tree:
                levels = max(levels, check_tree(repo, entry.tree))
            elif event == LEAF and entry.kind == COLLECTION and entry.tree:
                check_collection(repo, entry.tree)
            elif event == LEAF and entry.kind == FILE:
                depth = max(depth, check_file(repo, entry))
    print(f"cut as docs/format.md says: trees of up to {levels} levels, lists of up to depth {depth}")


if __name__ == "__main__":
    main(*sys.argv[1:])
