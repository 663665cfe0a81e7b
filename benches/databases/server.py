"""A `mongod` for a bench: on the loopback, alone or the only member of `rs0`."""
import socket
import subprocess
import time

import pymongo


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def start(mongod, port, data, is_standalone=False, oplog_megabytes=990):
    """The process, and a client of it once it can be written to."""
    options = ["--bind_ip", "127.0.0.1", "--port", str(port), "--nounixsocket", "--wiredTigerCacheSizeGB", "0.5"]
    options += [] if is_standalone else ["--replSet", "rs0", "--oplogSize", str(oplog_megabytes)]
    server = subprocess.Popen([mongod, *options, "--dbpath", data, "--quiet"], stdout=subprocess.DEVNULL)
    client = pymongo.MongoClient(f"mongodb://127.0.0.1:{port}/?directConnection=true", serverSelectionTimeoutMS=60_000)
    if is_standalone:
        return server, client
    client.admin.command("replSetInitiate", {"_id": "rs0", "members": [{"_id": 0, "host": f"127.0.0.1:{port}"}]})
    while not client.admin.command("hello")["isWritablePrimary"]:
        time.sleep(0.1)
    # The first one has seen no member of a set, and allows no sessions.
    return server, pymongo.MongoClient(f"mongodb://127.0.0.1:{port}/?replicaSet=rs0")
