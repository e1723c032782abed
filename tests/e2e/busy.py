#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""A busy IMAP session in a process of its own: NOOP, FETCH, APPEND, FETCH of
flags, one after another, until its input ends. After each answer it prints the
monotonic time, how long the answer took, and the command.

usage: busy.py PORT USER PASSWORD
"""
import select
import socket
import ssl
import sys
import time

TEXT = (b"From: busy@one.example\r\nSubject: busy\r\n\r\n" + b"x" * 70 +
        b"\r\n") * 4


class Session:
    def __init__(self, port, user, word):
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        plain = socket.create_connection(("127.0.0.1", port), 60)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket = context.wrap_socket(plain)
        self.file = self.socket.makefile("rb")
        self.file.readline()
        self.ask(f'LOGIN {user} "{word}"'.encode())

    def ask(self, command):
        """Seconds until the tagged OK."""
        begin = time.monotonic()
        self.socket.sendall(b"a " + command + b"\r\n")
        while True:
            line = self.file.readline()
            if line.startswith(b"a "):
                break
            if not line:
                raise EOFError(command[:40])
            if line.endswith(b"}\r\n"):
                self.file.read(int(line[line.rindex(b"{") + 1:-3]))
        if not line.startswith(b"a OK"):
            raise ValueError(line)
        return time.monotonic() - begin


def main():
    port, user, word = sys.argv[1:]
    s = Session(int(port), user, word)
    literal = b"{%d+}\r\n" % len(TEXT)
    s.ask(b"CREATE busy")
    s.ask(b"APPEND busy " + literal + TEXT)
    s.ask(b"SELECT busy")
    while not select.select([sys.stdin], [], [], 0)[0]:
        for command in (b"NOOP", b"FETCH 1 (FLAGS BODY.PEEK[])",
                        b"APPEND busy " + literal + TEXT,
                        b"FETCH * (ENVELOPE FLAGS)"):
            took = s.ask(command)
            print(time.monotonic(), took, command[:6].decode(), flush=True)
        time.sleep(0.002)


main()
