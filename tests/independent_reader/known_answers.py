"""Holds the primitives of this reader against fixtures/known_answers.json. `tests/known_answers.rs`
holds those of snap against the same file, so that neither is the judge of the other."""
import json
import sys

from blake3 import blake3

import cut_points
from sealing import (
    KEY_RING,
    associated_data,
    derive,
    keyed,
    object_context,
    read_ring,
    read_slot_head,
    slot_key,
    unseal,
)
from trees import data_extents


def raw(case, *names):
    return [bytes.fromhex(case[name]) for name in names]


def id(case):
    key, plain = raw(case, "key", "plain")
    return keyed(key, plain).hex() == case["id"]


def context(case):
    return object_context(case["name"]).hex() == case["context"]


def gear(case):
    words = cut_points.gear_words(*raw(case, "chunk_key"))
    return [f"{word:016x}" for word in words[:4] + words[-1:]] == case["first_four_and_last"]


def cut(case):
    key, seed = raw(case, "chunk_key", "seed")
    data = blake3(seed).digest(length=case["length"]) if seed else bytes(case["length"])
    return cut_points.cut_lengths(key, data, *case["sizes"]) == case["lengths"]


def piece(case):
    key, name = raw(case, "chunk_key", "name")
    hash = int.from_bytes(blake3(b"piece" + bytes([case["level"]]) + name, key=key).digest(length=8), "little")
    return f"{hash:016x}" == case["hash"] and hash & -hash == 1 << case["zero_bits"]


def file_hash(case):
    extents = data_extents(case["size"], case["holes"])
    data = blake3(*raw(case, "seed")).digest(length=sum(length for _, length in extents))
    tail = b"".join(number.to_bytes(8, "little") for extent in extents for number in extent)
    return blake3(data + tail).hexdigest() == case["hash"]


def seal(case):
    key, repository, context, salt, sealed, plain = raw(
        case, "key", "repository", "context", "salt", "sealed", "plain"
    )
    class_, epoch = case["class"], case["epoch"]
    derived = [part.hex() for part in derive(key, class_, salt, context)]
    return (
        derived == [case["derived_key"], case["nonce"], case["commitment"]]
        and associated_data(repository, class_, epoch, context).hex() == case["associated_data"]
        and sealed[:20] == epoch.to_bytes(4, "little") + salt
        and unseal(key, repository, class_, context, sealed, len(plain)) == plain
    )


def slot(case):
    key_id, repository, stored = raw(case, "id", "repository", "stored")
    password = case["password"].encode() if "password" in case else None
    key = bytes.fromhex(case["key"]) if "key" in case else None
    head, sealed = read_slot_head(key_id, stored)
    encrypting = slot_key(head, password, key)
    place = object_context("keys/" + case["id"])
    ring = read_ring(unseal(encrypting, repository, KEY_RING, place, sealed, 1 << 16))
    epochs = [[epoch.number, epoch.key.hex()] for epoch in ring.epochs]
    keys = [ring.data_id_key.hex(), ring.tree_id_key.hex(), ring.chunk_key.hex()]
    return [encrypting.hex(), epochs, *keys] == [case["key_encryption_key"], case["epochs"], *case["keys"]]


def main(path):
    checks = [id, context, gear, cut, piece, file_hash, seal, slot]
    with open(path) as file:
        answers = json.load(file)
    wrong = [
        f"{check.__name__}: {case['what']}" for check in checks for case in answers[check.__name__] if not check(case)
    ]
    if wrong or set(answers) != {check.__name__ for check in checks} | {"about"}:
        sys.exit("\n".join(["known answers that are not found:", *wrong]))
    print(f"{sum(len(answers[check.__name__]) for check in checks)} known answers are found")


if __name__ == "__main__":
    main(sys.argv[1])
