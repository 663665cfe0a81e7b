"""docs/format.md, "Sealing" and "Key slots"."""
import re

import argon2.low_level
import zstandard
from blake3 import blake3
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from records import RING_RECORD, SLOT_HEAD_RECORD, Refused, WrongKey, decode, need

MOST_MEMORY_KIB = 1 << 20
DATA, TREE, TABLE, INDEX, SNAPSHOT, SESSION, CONFIG, FORGOTTEN, PRUNE, DAMAGED, KEY_RING = range(1, 12)


def keyed(key, data):
    return blake3(data, key=key).digest()


def object_context(name):
    """The context of an object that is sealed under its name."""
    return blake3(name.encode()).digest()


def derive(key, class_, salt, context):
    """(key, nonce, commitment) of one seal."""
    stream = blake3(b"snap1" + bytes([class_]) + salt + context, key=key).digest(length=76)
    return stream[:32], stream[32:44], stream[44:]


def associated_data(repository, class_, epoch, context):
    return b"snap1" + repository + bytes([class_]) + epoch.to_bytes(4, "little") + context


def unseal(master_key, repository, class_, context, sealed, limit):
    epoch, salt, rest = int.from_bytes(sealed[:4], "little"), sealed[4:20], sealed[20:]
    key, nonce, commitment = derive(master_key, class_, salt, context)
    if class_ not in (DATA, TREE):
        need(rest[:32] == commitment, "its commitment is another")
        rest = rest[32:]
    try:
        payload = AESGCM(key).decrypt(nonce, rest, associated_data(repository, class_, epoch, context))
    except (InvalidTag, ValueError) as error:
        raise Refused("it was changed, or is not what its name says") from error
    return unpack(payload, limit)


def unpack(payload, limit):
    need(len(payload) >= 5, "its payload is too short")
    codec, length, stored = payload[0], int.from_bytes(payload[1:5], "little"), payload[5:]
    need(length <= limit, f"its content would be {length} bytes long")
    need(codec in (0, 1), f"its codec {codec} is unknown")
    if codec == 1:
        try:
            content = zstandard.get_frame_parameters(stored).content_size
            need(content in (length, zstandard.CONTENTSIZE_UNKNOWN), "its length is another than zstd's")
            stored = zstandard.ZstdDecompressor().decompress(stored, length, allow_extra_data=False)
        except zstandard.ZstdError as error:
            raise Refused(f"zstd: {error}") from error
    need(len(stored) == length, f"its content is {len(stored)} bytes long instead of {length}")
    return stored


def file_key(path):
    """The key in a key file."""
    with open(path) as file:
        lines = [line for line in map(str.strip, file) if line and not line.startswith("#")]
    found = re.fullmatch(r"snap-key-1 +([0-9a-fA-F]{64})", lines[0]) if len(lines) == 1 else None
    if not found:
        raise WrongKey(f"{path} is no key file")
    return bytes.fromhex(found[1])


def slot_key(head, password, key):
    """The key-encryption key of a slot; None if it is of another kind."""
    if head.kind == 1 and key is not None:
        return keyed(key, b"snap1 key file" + head.salt)
    if head.kind == 1 or password is None:
        return None
    return argon2.low_level.hash_secret_raw(
        password, head.salt, head.passes, head.memory_kib, head.lanes, 32, argon2.low_level.Type.ID, 19
    )


def read_slot_head(key_id, stored):
    """(head, sealed ring) of a key slot."""
    length = int.from_bytes(stored[:4], "little")
    head, sealed = stored[4 : 4 + length], stored[4 + length :]
    need(len(stored) >= 4 + length, "it is too short")
    need(blake3(head).digest(length=16) == key_id, "its head does not match its name")
    head = decode(SLOT_HEAD_RECORD, head)
    need(head.kind in (0, 1), f"kind {head.kind} of a key slot is unknown")
    if head.kind == 0:
        need(1 <= head.lanes <= 16 and 1 <= head.passes <= 16, "its Argon2 costs are not allowed")
        need(8 * head.lanes <= head.memory_kib <= MOST_MEMORY_KIB, "its Argon2 costs are not allowed")
    return head, sealed


def read_ring(plain):
    ring = decode(RING_RECORD, plain)
    numbers = [epoch.number for epoch in ring.epochs]
    need(numbers and numbers == sorted(set(numbers)), "the epochs of a key ring are not ascending")
    return ring
