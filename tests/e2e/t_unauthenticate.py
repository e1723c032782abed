#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""UNAUTHENTICATE (RFC 8437) on the whole running server: one connection, one
user after another, with nothing left of the one before."""
# proves: UNAUTHENTICATE
import base64
import os
import pathlib
import socket
import sys
import zlib

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import mailserver
import server

tap = server.Tap()
ANNA, ZOE = "anna@one.example", "zoe@two.example"


def plain(address, word=None):
    word = word or mailserver.USERS[address]
    return base64.b64encode(f"\0{address}\0{word}".encode()).decode()


class Client:
    """A bare dialogue; after compress() through zlib."""

    def __init__(self, s, address=ANNA):
        raw = socket.create_connection(("127.0.0.1", s.ports["imaps_port"]),
                                       30)
        self.socket = mailserver.trust().wrap_socket(raw)
        self.input, self.inflate = b"", None
        self.greeting = self.line()
        if address:
            self.sign_in(address)

    def line(self):
        while b"\r\n" not in self.input:
            got = self.socket.recv(65536)
            if not got:
                raise EOFError
            self.input += self.inflate.decompress(got) if self.inflate else got
        line, _, self.input = self.input.partition(b"\r\n")
        return line.decode()

    def reply(self, tag):
        """The lines up to the tagged one."""
        lines = [self.line()]
        while not lines[-1].startswith(tag + " "):
            lines.append(self.line())
        return lines

    def pack(self, text, flush=zlib.Z_SYNC_FLUSH):
        data = text.encode()
        return self.deflate.compress(data) + self.deflate.flush(flush) \
            if self.inflate else data

    def send(self, text):
        self.socket.sendall(self.pack(text))

    def ask(self, line):
        self.send(line + "\r\n")
        return self.reply(line.split(" ")[0])

    def sign_in(self, address):
        done = self.ask(f"in AUTHENTICATE PLAIN {plain(address)}")[-1]
        assert done.startswith("in OK "), done

    def compress(self):
        done = self.ask("z COMPRESS DEFLATE")[-1]
        assert done.startswith("z OK ") and not self.input, done
        self.deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
        self.inflate = zlib.decompressobj(-15)

    def close(self):
        self.socket.close()

    def ended(self):
        """It says BYE and is gone, or is gone at once."""
        try:
            while True:
                line = self.line()
                assert line.startswith("* BYE "), line
        except TimeoutError:
            return False
        except (EOFError, OSError):
            return True


def is_new(c):
    """As behind the greeting: in no state of the one before."""
    assert c.ask("n1 SELECT INBOX")[-1].startswith("n1 BAD ")
    lines = c.ask("n2 CAPABILITY")
    assert " AUTH=PLAIN" in lines[0] and "UNSELECT" not in lines[0], lines
    assert lines[-1] == "n2 OK CAPABILITY completed", lines


def is_at(c, address):
    """The mailbox is this one's: each has as many messages as nobody else."""
    lines = c.ask("at STATUS INBOX (MESSAGES)")
    count = {ANNA: 1, ZOE: 2}[address]
    assert f"(MESSAGES {count})" in lines[0], lines


@tap.test
def it_is_offered_behind_the_login(s):
    c = Client(s, None)
    assert "UNAUTHENTICATE" not in c.greeting
    assert c.ask("a UNAUTHENTICATE")[-1].startswith("a BAD ")
    c.sign_in(ANNA)
    assert " UNAUTHENTICATE " in c.ask("b CAPABILITY")[0]
    c.close()


@tap.test
def one_user_after_another(s):
    c = Client(s, None)
    for address in (ANNA, ZOE, ZOE, ANNA):
        c.sign_in(address)
        is_at(c, address)
        assert c.ask("u UNAUTHENTICATE") == ["u OK Signed out"]
        is_new(c)
    c.close()
    for domain in ("one.example", "two.example"):
        server.wait_until(lambda: s.cli("tenant", "show", domain)["sessions"]
                          == 0)
    rows = s.cli("audit", "list", "two.example")["rows"]
    assert sum(row["action"] == "login" for row in rows) == 3, rows


@tap.test
def in_one_packet(s):
    """Commands, the end, and the next user's login (RFC 8437 3)."""
    c = Client(s)
    c.send("a SELECT INBOX\r\nb FETCH 1 BODY.PEEK[]\r\nc UNAUTHENTICATE\r\n"
           f"d AUTHENTICATE PLAIN {plain(ZOE)}\r\ne FETCH 1 UID\r\n"
           "f UNAUTHENTICATE\r\n"
           f"g LOGIN {ANNA} {{{len(mailserver.USERS[ANNA])}+}}\r\n"
           f"{mailserver.USERS[ANNA]}\r\nh NOOP\r\n")
    assert c.reply("a")[-1].startswith("a OK ")
    assert any("Subject: to anna" in line for line in c.reply("b"))
    assert c.reply("c") == ["c OK Signed out"]
    assert c.reply("d")[-1].startswith("d OK ")
    assert c.reply("e")[-1].startswith("e BAD "), "still selected"
    assert c.reply("f")[-1] == "f OK Signed out"
    assert c.reply("g")[-1].startswith("g OK ")
    assert c.reply("h")[-1].startswith("h OK ")
    is_at(c, ANNA)
    c.close()


@tap.test
def everything_is_as_new(s):
    c = Client(s, None)
    # Before the login: the front has it as well as the session.
    assert c.ask("a LANGUAGE fr")[0] == "* LANGUAGE (fr)"
    c.sign_in(ANNA)
    assert c.ask("b ENABLE CONDSTORE UIDONLY")[0].startswith("* ENABLED")
    c.ask("c SELECT INBOX")
    c.ask("d UID SEARCH RETURN (SAVE) ALL")
    assert c.ask("e UNAUTHENTICATE")[-1] == "e OK Déconnecté"
    is_new(c)
    c.sign_in(ANNA)
    assert c.ask("f NOOP")[-1] == "f OK NOOP completed"
    c.ask("g SELECT INBOX")
    lines = c.ask("h FETCH 1 FLAGS")
    assert lines[0].startswith("* 1 FETCH") and "MODSEQ" not in lines[0], lines
    assert c.ask("i SEARCH $")[0] in ("* SEARCH", "i OK SEARCH completed")
    c.close()


@tap.test
def a_message_may_speak_of_it(s):
    """The line in a literal is no command, whoever waits for whom."""
    body = "Subject: x\r\n\r\nu UNAUTHENTICATE\r\nv NOOP\r\n"
    for plus in ("+", ""):
        c = Client(s)
        c.send(f"a CREATE Spoken{len(plus)}\r\nb APPEND Spoken{len(plus)} "
               f"{{{len(body)}{plus}}}\r\n")
        if not plus:
            assert c.reply("+")[-1].startswith("+ ")
        c.send(body + "\r\n")
        assert c.reply("b")[-1].startswith("b OK ")
        # A refused one, and then the command itself.
        c.send("c APPEND Nowhere {100}\r\n")
        assert c.reply("c")[-1].startswith("c NO ")
        assert c.ask("u UNAUTHENTICATE") == ["u OK Signed out"]
        is_new(c)
        c.close()


@tap.test
def while_idling_it_is_no_command(s):
    c = Client(s)
    c.send("a IDLE\r\n")
    assert c.line().startswith("+ ")
    c.send(f"b UNAUTHENTICATE\r\nc AUTHENTICATE PLAIN {plain(ZOE)}\r\n")
    assert c.reply("a")[-1].startswith("a BAD ")
    assert c.ended()


@tap.test
def logout_ends_the_connection(s):
    c = Client(s)
    assert c.ask("a LOGOUT")[-1].startswith("a OK ")
    assert c.ended()


@tap.test
def compression_ends_with_the_session(s):
    for flush in (zlib.Z_SYNC_FLUSH, zlib.Z_FULL_FLUSH, zlib.Z_FINISH):
        for behind in (False, True):
            c = Client(s)
            c.compress()
            assert c.ask("a NOOP")[-1].startswith("a OK ")
            packed = c.pack("b UNAUTHENTICATE\r\n", flush)
            # The next login is not compressed (RFC 8437 4.1).
            login = f"c AUTHENTICATE PLAIN {plain(ZOE)}\r\n".encode()
            if behind:
                c.socket.sendall(packed + login)
            else:
                for at in range(len(packed)):
                    c.socket.sendall(packed[at:at + 1])
            assert c.reply("b") == ["b OK Signed out"]
            c.inflate = None
            if not behind:
                c.socket.sendall(login)
            assert c.reply("c")[-1].startswith("c OK ")
            is_at(c, ZOE)
            c.compress()
            is_at(c, ZOE)
            assert c.ask("d UNAUTHENTICATE") == ["d OK Signed out"]
            c.inflate = None
            is_new(c)
            c.close()


@tap.test
def what_is_compressed_behind_it_is_refused(s):
    c = Client(s)
    c.compress()
    c.send(f"b UNAUTHENTICATE\r\nc AUTHENTICATE PLAIN {plain(ZOE)}\r\n")
    assert c.reply("b") == ["b OK Signed out"]
    assert c.ended()
    rows = s.cli("audit", "list", "one.example")["rows"]
    assert not any(row["target"] == ZOE for row in rows)


@tap.test
def failed_logins_are_counted_over_all(s):
    c = Client(s)
    for _ in range(2):
        c.ask("a UNAUTHENTICATE")
        done = c.ask(f"b AUTHENTICATE PLAIN {plain(ANNA, 'wrong')}")[-1]
        assert done.startswith("b NO [AUTHENTICATIONFAILED]"), done
        c.sign_in(ANNA)
    c.ask("c UNAUTHENTICATE")
    c.ask(f"d AUTHENTICATE PLAIN {plain(ANNA, 'wrong')}")
    assert c.line().startswith("* BYE ")


@tap.test
def a_killed_tenant_ends_the_connection(s):
    c = Client(s)
    pid = s.cli("tenant", "show", "one.example")["pid"]
    os.kill(pid, 19)
    c.send(f"a UNAUTHENTICATE\r\nb AUTHENTICATE PLAIN {plain(ZOE)}\r\n")
    os.kill(pid, 9)
    assert c.ended()


def main():
    folder = pathlib.Path(os.environ["TEST_DIR"])
    s = mailserver.start(folder, login_delay_ms=50)
    for address, count in ((ANNA, 1), (ZOE, 2)):
        with mailserver.imap(s, address) as c:
            for _ in range(count):
                c.append("INBOX", None, None,
                         f"Subject: to {address}\r\n\r\nx".encode())
    try:
        return tap.run(s)
    finally:
        s.stop()


sys.exit(main())
