"""`snap protect` beside a bench."""
import json
import os
import pathlib
import signal
import subprocess
import threading
import time

TICKS = os.sysconf("SC_CLK_TCK")


class Protect:
    """`snap protect`, and when it stored what."""

    def __init__(self, snap, address, every, environment):
        command = [snap, "--json", "protect", address, "--every", every]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, text=True)
        self.stored, self.events = [], []
        self.reader = threading.Thread(target=self.read)
        self.reader.start()

    def read(self):
        for line in self.process.stdout:
            message, now = json.loads(line), time.monotonic()
            if message["message_type"] == "segment":
                seconds, increment = message["last"].split(".")
                self.stored.append(((int(seconds), int(increment)), now))
            self.events.append(message.get("event", message["message_type"]))

    def wait_for(self, event):
        while event not in self.events:
            time.sleep(0.05)

    def processor_seconds(self):
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()
        self.reader.join()
