"""Runs a command, and what time and memory it took.

Memory is what the kernel says of the process: its largest resident set, and the largest of its own
(anonymous) memory and of mapped files apart, which are looked at a hundred times a second. Mapped
files are the kernel's to take back; a process's own memory is not.
"""
import os
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

LOOK_SECONDS = 0.01


@dataclass
class Cost:
    seconds: float
    processor: float
    # Bytes.
    peak: int
    anonymous: int
    mapped: int


def status(pid):
    """What /proc says of the memory of a process, in bytes; nothing of one that has ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return {}
    sized = (line.split() for line in lines if line.endswith(" kB"))
    return {words[0].rstrip(":"): int(words[1]) << 10 for words in sized}


def measure(command, environment):
    """Runs it to its end, without its output; a failure ends this program."""
    begun = time.monotonic()
    errors = os.memfd_create("errors")
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=errors)
    peak = anonymous = mapped = 0
    while True:
        pid, exit_status, usage = os.wait4(process.pid, os.WNOHANG)
        if pid:
            break
        sizes = status(process.pid)
        # Before it has become the other program it is a copy of this one, which is small.
        peak = max(peak, sizes.get("VmHWM", 0))
        anonymous = max(anonymous, sizes.get("RssAnon", 0))
        mapped = max(mapped, sizes.get("RssFile", 0))
        time.sleep(LOOK_SECONDS)
    seconds = time.monotonic() - begun
    process.returncode = os.waitstatus_to_exitcode(exit_status)
    if process.returncode != 0:
        said = os.pread(errors, 4000, 0).decode(errors="replace")
        raise SystemExit(f"{' '.join(map(str, command))}: exit {process.returncode}\n{said}")
    os.close(errors)
    return Cost(seconds, usage.ru_utime + usage.ru_stime, max(peak, usage.ru_maxrss << 10), anonymous, mapped)
