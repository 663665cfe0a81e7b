"""Fills a real server with fixtures/make_database, backs it up with snap, and reads it back without:
every document must be there, byte for byte.

    check_databases.py SNAP MONGOD

Works in the current directory; the repository's password is in SNAP_PASSWORD."""
import pathlib
import socket
import subprocess
import sys
from urllib.parse import quote

import pymongo
from bson import CodecOptions, decode_file_iter
from bson.raw_bson import RawBSONDocument

HERE = pathlib.Path(__file__).resolve().parent
MAKE = HERE.parent.parent / "fixtures" / "make_database"
RAW = CodecOptions(document_class=RawBSONDocument)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def start(mongod, port):
    data = pathlib.Path("mongod-data")
    data.mkdir()
    options = ["--bind_ip", "127.0.0.1", "--port", str(port), "--nounixsocket", "--wiredTigerCacheSizeGB", "0.25"]
    return subprocess.Popen([mongod, *options, "--dbpath", data, "--quiet"], stdout=subprocess.DEVNULL)


def odd_documents(database):
    """What a general tool meets rarely: ids of every kind, and documents of every size."""
    ids = [None, 0, 1 << 40, -2.5, float("nan"), "a\0b", b"\1", True, {"a": [1, {"b": 2.5}]}]
    database.odd.insert_many([{"_id": id, "at": at} for at, id in enumerate(ids)])
    database["a/b%"].insert_many([{"_id": size, "text": "x" * size} for size in (0, 1 << 19, 1 << 20, 5 << 20)])
    database.create_collection("ring", capped=True, size=10_000)
    database.ring.insert_many([{"_id": (at * 7) % 50, "at": at} for at in range(50)])


def change(database, round):
    """Some here and there, some at the end, and more than a range of the base can bear."""
    database.quotes.update_many({"_id": {"$mod": [50, 7 + round]}}, {"$set": {"changed": "x" * 100}})
    database.quotes.delete_many({"_id": {"$mod": [90, 3 + round]}})
    database.quotes.insert_many([{"_id": 10**7 + 1000 * round + at, "text": "y" * 500} for at in range(100)])
    database.conversations.update_many({"phone": {"$regex": f"^\\+5989{round}"}}, {"$unset": {"messages": 1}})
    database["a/b%"].update_one({"_id": 5 << 20}, {"$set": {"text": "z" * ((6 << 20) + round)}})
    database["a/b%"].delete_one({"_id": 1 << 20})


def compare(database, folder):
    names = database.list_collection_names()
    for name in names:
        expected = sorted(bytes(document.raw) for document in database.get_collection(name, codec_options=RAW).find())
        file = folder / (quote(name, safe="") + ".bson")
        with open(file, "rb") as stream:
            found = sorted(bytes(document.raw) for document in decode_file_iter(stream, RAW))
        if found != expected:
            sys.exit(f"{name}: {len(found)} documents that are not the {len(expected)} of the server")
    return len(names)


def main(snap, mongod):
    port = free_port()
    server = start(mongod, port)
    try:
        address = f"mongodb://127.0.0.1:{port}/bot"
        database = pymongo.MongoClient(address, serverSelectionTimeoutMS=60_000).get_default_database()
        subprocess.run([sys.executable, MAKE, address, "--documents", "20000"], check=True)
        odd_documents(database)
        subprocess.run([snap, "init", "--repository", "databases"], check=True, capture_output=True)
        subprocess.run([snap, "backup", "--repository", "databases", address], check=True, capture_output=True)
        reader = [sys.executable, HERE / "snap_reader.py", "databases"]
        subprocess.run([*reader, "verify"], check=True)
        subprocess.run([sys.executable, HERE / "check_cuts.py", "databases"], check=True)
        for round in range(2):
            change(database, round)
            subprocess.run([snap, "backup", "--repository", "databases", address], check=True, capture_output=True)
        subprocess.run([*reader, "verify"], check=True)
        subprocess.run([*reader, "restore", "latest", "databases-restored"], check=True)
        count = compare(database, pathlib.Path("databases-restored", "mongodb", f"127.0.0.1:{port}", "bot"))
        print(f"{count} collections of a server read back")
    finally:
        server.terminate()
        server.wait()


if __name__ == "__main__":
    main(*sys.argv[1:])
