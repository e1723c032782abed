# SPDX-License-Identifier: EUPL-1.2
"""For tests of sessions: the host of sessions without a front, and a plain
client of it."""
import os
import pathlib
import socket
import subprocess


class Session:
    def __init__(self, port, address="127.0.0.1"):
        self.file = socket.create_connection(
            (address, port), 30).makefile("rwb")
        self.file.readline()
        self.n = 0

    def ask(self, text, good=(" OK ",)):
        self.n += 1
        tag = f"t{self.n} "
        self.file.write((tag + text + "\r\n").encode())
        self.file.flush()
        lines = []
        while True:
            line = self.file.readline().decode().rstrip("\r\n")
            if not line:
                raise SystemExit(f"closed in {text}")
            lines.append(line)
            if line.startswith(tag):
                if not any(word in line for word in good):
                    raise SystemExit(f"{text}: {line}")
                return lines


def serve(run, *arguments, folder="."):
    """Calls `run` with the host's port; gives the host's exit status."""
    store = pathlib.Path(os.environ["TEST_DIR"], folder)
    store.mkdir(exist_ok=True)
    store.chmod(0o700)
    host = subprocess.Popen(
        [f"{os.environ['BUILD_DIR']}/tests/session/imap_host",
         str(store), *arguments], stdout=subprocess.PIPE,
        text=True)
    try:
        run(int(host.stdout.readline().split()[1]))
    finally:
        host.terminate()
    return host.wait(30)
