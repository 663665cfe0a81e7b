#!/usr/bin/env python3
"""Reads a repository of snap, written from docs/format.md alone: the proof that it suffices.

    snap_reader.py REPOSITORY list
    snap_reader.py REPOSITORY restore SNAPSHOT|latest TARGET    TARGET must not exist
    snap_reader.py REPOSITORY verify                            every object, blob, id and file

The password is in SNAP_PASSWORD, or the path of a key file in SNAP_KEY_FILE. Exit codes: 0 done,
4 the repository is not what the format says, 5 no such snapshot, 12 wrong password or key, 13 a
newer format. Nobody may write or prune meanwhile: a reader for daily use would read the index
again when a pack is gone. Packages: argon2-cffi, blake3, cryptography, msgpack, zstandard.
"""
import datetime
import os
import sys

from records import NotFound, Refused
from repository import open_repository, snapshots
from restore import restore
from sealing import file_key
from verify import verify

VERBS = {"list": 0, "verify": 0, "restore": 2}


def choose(repo, wanted):
    live, _ = snapshots(repo)
    if wanted == "latest":
        found = [snapshot for snapshot in live if snapshot.kind == 0][-1:]
    else:
        found = [snapshot for snapshot in live if snapshot.id.startswith(wanted)]
    if len(found) != 1:
        raise NotFound(f"{len(found)} snapshots are called {wanted}")
    return found[0]


def print_list(repo):
    for snapshot in snapshots(repo)[0]:
        begun = datetime.datetime.fromtimestamp(snapshot.begun.seconds, datetime.timezone.utc)
        addresses = " ".join(os.fsdecode(source.address) for source in snapshot.sources)
        print(snapshot.id, begun.strftime("%Y-%m-%dT%H:%M:%SZ"), snapshot.host, addresses, *snapshot.tags)


def main(path, verb, *arguments):
    if len(arguments) != VERBS.get(verb):
        sys.exit(__doc__)
    key_path = os.environ.get("SNAP_KEY_FILE")
    key = file_key(key_path) if key_path else None
    repo = open_repository(os.path.abspath(path), os.environb.get(b"SNAP_PASSWORD"), key)
    if verb == "list":
        print_list(repo)
    elif verb == "verify":
        verify(repo)
    else:
        restore(repo, choose(repo, arguments[0]), arguments[1])


if __name__ == "__main__":
    sys.stdout.reconfigure(errors="backslashreplace")
    try:
        main(*sys.argv[1:]) if len(sys.argv) > 2 else sys.exit(__doc__)
    except Refused as refused:
        print(f"snap_reader: {refused}", file=sys.stderr)
        sys.exit(refused.code)
