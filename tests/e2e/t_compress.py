#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""COMPRESS=DEFLATE (RFC 4978) of the front against Python's zlib: small and
large answers, a message both ways, input in single bytes, and a client that
sends no DEFLATE."""
# proves: COMPRESS=DEFLATE
import os
import pathlib
import random
import socket
import sys
import zlib

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import mailserver
import server

tap = server.Tap()
ANNA = "anna@one.example"


class Client:
    def __init__(self, s):
        raw = socket.create_connection(("127.0.0.1", s.ports["imaps_port"]),
                                       30)
        self.socket = mailserver.trust().wrap_socket(raw)
        self.input = b""
        self.inflate = None
        self.raw = 0
        self.line()
        self.n = 0
        word = mailserver.USERS[ANNA].encode()
        done = self.ask(b'LOGIN %s "%s"' % (ANNA.encode(), word))[-1]
        assert b" OK " in done, done

    def more(self):
        got = self.socket.recv(65536)
        if not got:
            raise EOFError
        self.raw += len(got)
        self.input += self.inflate.decompress(got) if self.inflate else got

    def line(self):
        while b"\r\n" not in self.input:
            self.more()
        line, _, self.input = self.input.partition(b"\r\n")
        return line

    def take(self, n):
        while len(self.input) < n:
            self.more()
        taken, self.input = self.input[:n], self.input[n:]
        return taken

    def send(self, data, piece=1 << 30):
        if self.inflate:
            data = self.deflate.compress(data) + self.deflate.flush(
                zlib.Z_SYNC_FLUSH)
        for at in range(0, len(data), piece):
            self.socket.sendall(data[at:at + piece])

    def ask(self, text, piece=1 << 30):
        self.n += 1
        tag = b"t%d " % self.n
        self.send(tag + text + b"\r\n", piece)
        lines = []
        while not lines or not lines[-1].startswith(tag):
            line = self.line()
            if line.endswith(b"}"):
                line += self.take(int(line[line.rindex(b"{") + 1:-1]))
            lines.append(line)
        return lines

    def compress(self):
        done = self.ask(b"COMPRESS DEFLATE")[-1]
        assert b" OK COMPRESS" in done and self.input == b"", done
        self.deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
        self.inflate = zlib.decompressobj(-15)


@tap.test
def talk(s):
    c = Client(s)
    assert b" BAD " in c.ask(b"COMPRESS GZIP")[-1]
    c.compress()
    assert b" BAD [COMPRESSIONACTIVE]" in c.ask(b"COMPRESS DEFLATE")[-1]
    assert b"OK" in c.ask(b"NOOP", piece=1)[-1]
    # What a wide window looks back to, and what does not compress.
    pick = random.Random(3)
    noise = pick.randbytes(1000000).replace(b"\0", b"1")
    for body in (b"Subject: x\r\n\r\n" + b"abcdefgh" * 200000,
                 b"Subject: y\r\n\r\n" + noise + noise[:30000]):
        done = c.ask(b"APPEND INBOX {%d+}\r\n" % len(body) + body)[-1]
        assert b"APPENDUID" in done, done[:100]
        c.ask(b"SELECT INBOX")
        before = c.raw
        lines = c.ask(b"FETCH * BODY.PEEK[]")
        assert lines[0].endswith(body), (len(lines[0]), len(body))
        assert (c.raw - before < len(body) / 20) == (b"abcd" in body)
    # Many commands in one write.
    c.send(b"".join(b"p%d NOOP\r\n" % k for k in range(2000)))
    for k in range(2000):
        assert c.line() == b"p%d OK NOOP completed" % k
    assert b"OK" in c.ask(b"LOGOUT")[-1]
    try:
        c.more()
        raise AssertionError("still there")
    except EOFError:
        pass


def nonsense(s):
    c = Client(s)
    c.compress()
    c.socket.sendall(b"\xff" * 100)
    try:
        c.line()
        raise AssertionError("understood what is no DEFLATE")
    except TimeoutError:
        raise
    except (EOFError, OSError):
        pass
    # A line of 200 MB from 200 KB: swallowed, not kept.
    c = Client(s)
    c.compress()
    c.send(b"a NOOP " + b"x" * 200000000 + b"\r\n")
    line = c.line()
    assert b" BAD " in line, line
    assert b"OK" in c.ask(b"NOOP")[-1]


def resident(pid):
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(text.split("VmHWM:")[1].split()[0])


@tap.test
def what_is_no_deflate_costs_nothing(s):
    rows = s.cli("health", "show")["rows"]
    pids = [row["pid"] for row in rows
            if row["program"] in ("imapd", "tenantd")]
    assert len(pids) > 1, rows
    before = [resident(pid) for pid in pids]
    nonsense(s)
    for pid, had in zip(pids, before):
        assert resident(pid) - had < 30000, f"{resident(pid) - had} KiB more"


def main():
    folder = pathlib.Path(os.environ["TEST_DIR"])
    s = mailserver.start(folder)
    try:
        return tap.run(s)
    finally:
        s.stop()


sys.exit(main())
