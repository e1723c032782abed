#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""Without a certificate a server stays up: STARTTLS is neither offered nor
taken, the dialogue goes on, and a port of TLS says nothing in clear. The
control is the same server with one."""
import os
import pathlib
import socket
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from server import Server, Tap  # noqa: E402

FOLDER = pathlib.Path(os.environ.get("TEST_DIR", "/tmp"))
TAP = Tap()


class Talk:
    def __init__(self, server, port):
        self.socket = socket.create_connection(
            ("127.0.0.1", server.ports[port]), 10)
        self.file = self.socket.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def line(self):
        return self.file.readline().decode()

    def ask(self, text, last=lambda line: line[3:4] == " "):
        self.socket.sendall(text.encode() + b"\r\n")
        lines = [self.line()]
        while lines[-1] and not last(lines[-1]):
            lines.append(self.line())
        return "".join(lines)


def fronts(server):
    return {row["program"]: row["pid"]
            for row in server.cli("health", "show")["rows"]}


def tagged(line):
    return line.startswith("a ")


def answers(server):
    """What a client in clear hears about TLS from SMTP and IMAP."""
    with Talk(server, "smtp_port") as c:
        c.line()
        smtp = [c.ask("EHLO x"), c.ask("STARTTLS")]
        if smtp[1].startswith("454"):
            assert c.ask("NOOP").startswith("250"), "the dialogue is over"
    with Talk(server, "imap_port") as c:
        c.line()
        imap = [c.ask("a CAPABILITY", tagged), c.ask("a STARTTLS", tagged)]
        if imap[1].startswith("a NO"):
            assert c.ask("a NOOP", tagged).startswith("a OK")
    return smtp, imap


@TAP.test
def starttls_is_refused_and_nobody_dies(plain, control):
    before = fronts(plain)
    smtp, imap = answers(plain)
    assert "STARTTLS" not in smtp[0] and "STARTTLS" not in imap[0]
    assert smtp[1].startswith("454 4.7.0"), smtp
    assert imap[1].startswith("a NO [UNAVAILABLE]"), imap
    assert fronts(plain) == before, "a front was started again"


@TAP.test
def with_a_certificate_it_is_taken(plain, control):
    smtp, imap = answers(control)
    assert "STARTTLS" in smtp[0] and "STARTTLS" in imap[0]
    assert smtp[1].startswith("220") and imap[1].startswith("a OK")


@TAP.test
def ports_of_tls_say_nothing_in_clear(plain, control):
    for port in ("imaps_port", "submissions_port", "https_port"):
        with Talk(plain, port) as c:
            try:
                assert c.line() == "", port
            except ConnectionResetError:
                pass


def main():
    for name in ("plain", "control"):
        (FOLDER / name).mkdir()
    with Server(FOLDER / "plain", {"tls_cert": "", "tls_key": ""}) as plain, \
            Server(FOLDER / "control") as control:
        return TAP.run(plain, control)


sys.exit(main())
