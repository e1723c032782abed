#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""The mechanisms with passwords, each with and without an initial response
(RFC 4959, RFC 4954 4), and given up at each of its steps."""
# proves: SASL-IR
import base64
import hashlib
import hmac
import os
import pathlib
import socket
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import mailserver
import server

tap = server.Tap()
ANNA = "anna@one.example"


def encode(text):
    return base64.b64encode(text.encode()).decode()


def digest(key, text):
    return hmac.new(key, text, "sha256").digest()


def plain(word):
    yield f"\0{ANNA}\0{word}"


def login(word):
    asked = yield ANNA
    assert asked == "Password:", asked
    yield word


def scram(word):
    """RFC 5802; the last answer is to the server's proof."""
    bare = f"n={ANNA},r=rOprNGfw"
    first = yield "n,," + bare
    values = dict(part.split("=", 1) for part in first.split(","))
    salted = hashlib.pbkdf2_hmac("sha256", word.encode(),
                                 base64.b64decode(values["s"]),
                                 int(values["i"]))
    without = "c=biws,r=" + values["r"]
    text = f"{bare},{first},{without}".encode()
    key = digest(salted, b"Client Key")
    proof = bytes(a ^ b for a, b in zip(
        key, digest(hashlib.sha256(key).digest(), text)))
    last = yield f"{without},p={base64.b64encode(proof).decode()}"
    want = base64.b64encode(digest(digest(salted, b"Server Key"), text))
    assert last == "v=" + want.decode(), last
    yield ""


# How many challenges there are without an initial response.
MECHANISMS = {"PLAIN": (plain, 1), "LOGIN": (login, 2),
              "SCRAM-SHA-256": (scram, 3)}


class Imap:
    def __init__(self, s):
        raw = socket.create_connection(("127.0.0.1", s.ports["imaps_port"]),
                                       30)
        self.file = mailserver.trust().wrap_socket(raw).makefile("rwb")
        self.file.readline()

    def ask(self, line):
        self.file.write(line.encode() + b"\r\n")
        self.file.flush()
        return self.file.readline().decode().rstrip("\r\n")

    begin, more, good, gone = "a AUTHENTICATE", "+ ", "a OK ", "a BAD "
    wrong = "a NO [AUTHENTICATIONFAILED] "


class Smtp(Imap):
    def __init__(self, s):
        raw = socket.create_connection(
            ("127.0.0.1", s.ports["submissions_port"]), 30)
        self.file = mailserver.trust().wrap_socket(raw).makefile("rwb")
        self.file.readline()
        said = self.ask("EHLO x")
        while said[3] == "-":
            said = self.file.readline().decode()

    begin, more, good, gone = "AUTH", "334 ", "235 ", "501 "
    wrong = "535 "


def talk(c, mechanism, word, initial, stop=None):
    """The last reply; `stop`: "*" at that challenge."""
    answers = MECHANISMS[mechanism][0](word)
    text = next(answers)
    said = c.ask(f"{c.begin} {mechanism}"
                 + (f" {encode(text)}" if initial else ""))
    first, steps = not initial, 0
    while said.startswith(c.more):
        steps += 1
        if steps == stop:
            return c.ask("*")
        if not first:
            text = answers.send(base64.b64decode(
                said[len(c.more):]).decode())
        first = False
        said = c.ask(encode(text))
    return said


@tap.test
def with_and_without_an_initial_response(s):
    for kind in (Imap, Smtp):
        for mechanism in MECHANISMS:
            for initial in (True, False):
                said = talk(kind(s), mechanism, mailserver.USERS[ANNA],
                            initial)
                assert said.startswith(kind.good), (mechanism, initial, said)
                said = talk(kind(s), mechanism, "wrong", initial)
                assert said.startswith(kind.wrong), (mechanism, initial, said)


@tap.test
def given_up_at_each_step(s):
    for kind in (Imap, Smtp):
        for mechanism, (_, steps) in MECHANISMS.items():
            for stop in range(1, steps + 1):
                c = kind(s)
                said = talk(c, mechanism, mailserver.USERS[ANNA], False, stop)
                assert said.startswith(c.gone), (mechanism, stop, said)
                # Nobody is signed in, and another try is welcome.
                said = talk(c, "PLAIN", mailserver.USERS[ANNA], True)
                assert said.startswith(c.good), (mechanism, stop, said)


@tap.test
def what_is_no_base64_is_refused(s):
    for kind in (Imap, Smtp):
        for mechanism in MECHANISMS:
            c = kind(s)
            assert c.ask(f"{c.begin} {mechanism}").startswith(c.more)
            assert c.ask("!").startswith(c.gone)


def main():
    folder = pathlib.Path(os.environ["TEST_DIR"])
    s = mailserver.start(folder, login_delay_ms=50)
    try:
        return tap.run(s)
    finally:
        s.stop()


sys.exit(main())
