"""Makes files of a snapshot."""
import array
import contextlib
import fcntl
import os
import shutil
import stat
import sys
import tempfile

from documents import documents
from trees import (
    BLOCK_DEVICE,
    CHARACTER_DEVICE,
    COLLECTION,
    DIRECTORY,
    ENTER,
    FIFO,
    FILE,
    LEAVE,
    SOCKET,
    SYMLINK,
    VIEW,
    content,
    data_extents,
    hash_file,
    walk,
)

FLAGS_SETTABLE = 0x208300FC
GET_FLAGS, SET_FLAGS = 0x80086601, 0x40086602
TYPES = {CHARACTER_DEVICE: stat.S_IFCHR, BLOCK_DEVICE: stat.S_IFBLK, FIFO: stat.S_IFIFO, SOCKET: stat.S_IFSOCK}


@contextlib.contextmanager
def trying(what):
    """What the system refuses inside is told, not fatal."""
    try:
        yield
    except OSError as error:
        print(f"refused: {what}: {error.strerror}", file=sys.stderr)


def make(repo, entry):
    """Makes anything but a directory in the current one; of a collection its documents, end to end."""
    if entry.kind in (COLLECTION, VIEW):
        with open(entry.name + b".bson", "xb") as file:
            file.writelines(documents(repo, entry) if entry.kind == COLLECTION else ())
        return
    if entry.kind == FILE:
        with open(entry.name, "xb") as file:
            file.truncate(entry.size)
            write_data(repo, entry, file)
    elif entry.kind == SYMLINK:
        os.symlink(entry.target, entry.name)
    else:
        os.mknod(entry.name, TYPES[entry.kind] | 0o600, os.makedev(entry.major, entry.minor))
    give_metadata(repo, entry)


def write_data(repo, entry, file):
    extents = iter(data_extents(entry.size, entry.holes))
    left = 0

    def write(data):
        nonlocal left
        while data:
            if left == 0:
                offset, left = next(extents)
                file.seek(offset)
            file.write(data[:left])
            left, data = left - len(data[:left]), data[left:]

    hash_file(repo, entry, write)


def give_metadata(repo, entry):
    """Owner first, for it takes setuid and capabilities away; mode after the ACLs, time last."""
    if os.geteuid() == 0:
        os.chown(entry.name, entry.user, entry.group, follow_symlinks=False)
    for attribute in entry.attributes:
        value = b"".join(content(repo, attribute.depth, attribute.nodes)) if attribute.nodes else attribute.value
        with trying(f"{entry.name!r}: attribute {attribute.name!r}"):
            os.setxattr(entry.name, attribute.name, value, follow_symlinks=False)
    if entry.kind != SYMLINK:
        os.chmod(entry.name, entry.mode & 0o7777)
    moment = entry.seconds * 10**9 + entry.nanoseconds
    os.utime(entry.name, ns=(moment, moment), follow_symlinks=False)


def give_flags(entry):
    wanted = entry.flags & FLAGS_SETTABLE
    if entry.kind not in (FILE, DIRECTORY) or not wanted:
        return
    descriptor = os.open(entry.name, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
    try:
        with trying(f"{entry.name!r}: flags {wanted:#x}"):
            cell = array.array("L", [0])
            fcntl.ioctl(descriptor, GET_FLAGS, cell)
            fcntl.ioctl(descriptor, SET_FLAGS, array.array("L", [cell[0] & ~FLAGS_SETTABLE | wanted]))
    finally:
        os.close(descriptor)


def restore(repo, snapshot, target):
    """First everything is made, then, from below, directories get their metadata and all their
    flags. A first link of each group is kept in one place: a path may be longer than any call takes."""
    os.mkdir(target, 0o700)
    os.chdir(target)
    kept = tempfile.mkdtemp(prefix=".links-", dir=".")
    links, numbers = os.open(kept, os.O_RDONLY | os.O_DIRECTORY), {}
    for event, entry in walk(repo, snapshot.tree):
        if event == ENTER:
            os.mkdir(entry.name, 0o700)
            os.chdir(entry.name)
        elif event == LEAVE:
            os.chdir("..")
        elif entry.link_group in numbers:
            os.link(str(numbers[entry.link_group]), entry.name, src_dir_fd=links, follow_symlinks=False)
        else:
            make(repo, entry)
            if entry.link_group:
                numbers[entry.link_group] = len(numbers)
                os.link(entry.name, str(numbers[entry.link_group]), dst_dir_fd=links, follow_symlinks=False)
    os.close(links)
    shutil.rmtree(kept)
    for event, entry in walk(repo, snapshot.tree):
        if event == ENTER:
            os.chdir(entry.name)
            continue
        if event == LEAVE:
            os.chdir("..")
            give_metadata(repo, entry)
        give_flags(entry)
