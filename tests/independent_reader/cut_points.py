"""docs/format.md, "Cut points": FastCDC byte by byte, as the document describes it."""
from blake3 import blake3

MASKS = {
    7: 0x0000000018035100, 8: 0x0000001800035300, 9: 0x0000019000353000, 10: 0x0000590003530000,
    11: 0x0000D90003530000, 12: 0x0000D90103530000, 13: 0x0000D90303530000, 14: 0x0000D90313530000,
    15: 0x0000D90F03530000, 16: 0x0000D90303537000, 17: 0x0000D90703537000, 18: 0x0000D90707537000,
    19: 0x0000D91707537000, 20: 0x0000D91747537000, 21: 0x0000D91767537000, 22: 0x0000D93767537000,
    23: 0x0000D93777537000,
}  # fmt: skip
WORD = (1 << 64) - 1


def gear_words(chunk_key):
    stream = blake3(b"gear", key=chunk_key).digest(length=2048)
    return [int.from_bytes(stream[at : at + 8], "little") for at in range(0, 2048, 8)]


def masks(average):
    """(before the average size, after it)."""
    bits = next(bits for bits in range(8, 23) if average**2 < 1 << 2 * bits + 1)
    return MASKS[bits + 1], MASKS[bits - 1]


def first_cut(gear, data, least, average, largest):
    """The length of the first chunk of `data`, which goes on for `largest` bytes or to its end."""
    length = min(len(data), largest)
    if length <= least:
        return length
    strict, loose = masks(average)
    fingerprint = 0
    for position in range(least, length - length % 2):
        fingerprint = (fingerprint << 1) + gear[data[position]] & WORD
        if fingerprint & (strict if position < average else loose) == 0:
            return position
    return length


def cut_lengths(chunk_key, data, least, average, largest):
    gear, lengths, position = gear_words(chunk_key), [], 0
    while position < len(data):
        window = data[position : position + largest]
        lengths.append(first_cut(gear, window, least, average, largest))
        position += lengths[-1]
    return lengths


if __name__ == "__main__":
    golden = cut_lengths(bytes([7] * 32), blake3(b"golden").digest(length=4 << 20), 128 << 10, 512 << 10, 2 << 20)
    assert golden == [508655, 826158, 1007592, 1093168, 758731], golden
    print("the golden cut points are found")
