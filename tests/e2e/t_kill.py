#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""kill -9 under load: clients of SMTP, IMAP and DAV change things as fast as
they are answered, then a tenantd, a front, or everything at once is killed.
What was acknowledged must be there, what was not is there whole or not at all,
in the state before or after. The controls change something behind the
checker's back and must be reported."""
import collections
import imaplib
import os
import pathlib
import random
import re
import signal
import smtplib
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import davclient  # noqa: E402
from davclient import OTHER, USER  # noqa: E402
from server import Tap, wait_until  # noqa: E402

FOLDER = pathlib.Path(os.environ.get("TEST_DIR", "/tmp"))
TAP = Tap()
WORD = "kill word"
SEED = 20260105
# Who is killed, round by round; "all" is bastided with all its children.
ROUNDS = ("tenantd", "all", "imapd", "tenantd", "smtpd", "all", "tenantd",
          "caldavd", "all", "tenantd", "all", "tenantd")
GONE = "gone"


class Lost(AssertionError):
    pass


class Book:
    """What a client knows: for each thing the states in which it may be. An
    acknowledged change leaves one; one without an answer leaves two."""

    def __init__(self, name):
        self.name, self.may, self.acknowledged = name, {}, 0

    def change(self, key, new, act):
        """`act` raises when no answer came."""
        self.may[key] = self.may.get(key, {GONE}) | {new}
        act()
        self.may[key] = {new}
        self.acknowledged += 1

    def check(self, found):
        """`found`: {key: [state, ...]}, every place where it is."""
        for key in self.may.keys() | found.keys():
            states = found.get(key, [GONE])
            if len(states) > 1:
                raise Lost(f"{self.name}: {key} is there {len(states)} times")
            if states[0] not in self.may.get(key, {GONE}):
                raise Lost(f"{self.name}: {key} is {states[0]}, may be "
                           f"{self.may.get(key, GONE)}")
        self.may = {key: {states[0]} for key, states in found.items()}


def text(key, size):
    line = (key + " ") * 4 + "\r\n"
    return f"Subject: {key}\r\n\r\n" + line * (size // len(line) + 1)


def imap(s, user):
    c = imaplib.IMAP4_SSL("127.0.0.1", s.ports["imaps_port"], timeout=20,
                          ssl_context=davclient.tls(s))
    c.login(user, WORD)
    return c


def ok(answer):
    if answer[0] != "OK":
        raise ConnectionError(answer)
    return answer[1]


# --- the clients -------------------------------------------------------------

class Client:
    """One that goes on until it gets no answer; a new connection each round."""

    def __init__(self, s, random_):
        self.s, self.random, self.count = s, random_, 0
        self.wrong = None
        self.book = Book(type(self).__name__)

    def round(self):
        try:
            connection = self.connect()
            while not self.over:
                self.step(connection)
        except (OSError, EOFError, imaplib.IMAP4.error,
                smtplib.SMTPException, davclient.http.client.HTTPException):
            pass  # what was asked stays in the book as unanswered
        except AssertionError as e:
            self.wrong = e

    def start(self):
        self.over = False
        self.thread = threading.Thread(target=self.round)
        self.thread.start()

    def stop(self):
        self.over = True
        self.thread.join(60)

    def new_key(self):
        self.count += 1
        return f"{self.book.name}-{self.count}"

    def any_key(self):
        keys = [k for k, may in self.book.may.items() if may != {GONE}]
        return self.random.choice(keys) if keys else None


class Smtp(Client):
    """From outside to the other user."""

    def connect(self):
        return smtplib.SMTP("127.0.0.1", self.s.ports["smtp_port"],
                            local_hostname="x.example", timeout=20)

    def step(self, c):
        key, size = self.new_key(), self.random.choice((100, 3000, 200000))
        self.book.change(key, size, lambda: c.sendmail(
            "a@far.example", OTHER, text(key, size)))

    def found(self):
        return read_mail(self.s, OTHER, ("INBOX",),
                         lambda key, box, flags, size: size)


class Imap(Client):
    """Its own two mailboxes. A state is (mailbox, flagged, size)."""

    def connect(self):
        c = imap(self.s, USER)
        ok(c.select("one"))
        self.uids = {}
        for row in ok(c.uid("fetch", "1:*", "(UID BODY.PEEK[HEADER.FIELDS "
                            "(SUBJECT)])")):
            if row and isinstance(row, tuple):
                self.uids[subject(row[1])] = number(row[0], "UID")
        return c

    def step(self, c):
        key = self.random.choice(list(self.uids)) if self.uids else None
        act = self.random.choice((self.append, self.append, self.flag,
                                  self.move, self.expunge))
        if key is None or act == self.append:
            self.append(c, self.new_key())
        else:
            act(c, key)

    def append(self, c, key):
        size = self.random.choice((100, 3000, 200000))

        def act():
            said = ok(c.append("one", None, None, text(key, size).encode()))
            self.uids[key] = int(re.search(rb"APPENDUID \d+ (\d+)",
                                           said[0]).group(1))
        self.book.change(key, ("one", False, size), act)

    def now(self, key):
        return next(iter(self.book.may[key]))

    def flag(self, c, key):
        box, flagged, size = self.now(key)
        sign = "-" if flagged else "+"
        self.book.change(key, (box, not flagged, size), lambda: ok(
            c.uid("store", str(self.uids[key]), sign + "FLAGS.SILENT",
                  r"(\Flagged)")))

    def move(self, c, key):
        box, flagged, size = self.now(key)
        self.book.change(key, ("two", flagged, size), lambda: ok(
            c.uid("move", str(self.uids[key]), "two")))
        del self.uids[key]

    def expunge(self, c, key):
        uid = str(self.uids.pop(key))

        def act():
            ok(c.uid("store", uid, "+FLAGS.SILENT", r"(\Deleted)"))
            ok(c.uid("expunge", uid))
        self.book.change(key, GONE, act)

    def found(self):
        return read_mail(
            self.s, USER, ("one", "two"),
            lambda key, box, flags, size: (box, b"\\Flagged" in flags, size))


class Dav(Client):
    """Resources of a calendar; a state is the version inside."""
    place = davclient.home() + "calendar/"

    def connect(self):
        return davclient.Client(self.s, USER, WORD)

    def step(self, c):
        key = self.any_key()
        may = self.book.may.get(key)
        if key is None or self.random.random() < 0.4:
            self.put(c, self.new_key(), 1, 201)
        elif self.random.random() < 0.7:
            self.put(c, key, next(iter(may)) + 1, 204)
        else:
            self.book.change(key, GONE, lambda: self.ask(
                c, 204, "DELETE", key))

    def put(self, c, key, version, status):
        self.book.change(key, version, lambda: self.ask(
            c, status, "PUT", key, self.resource(key, version)))

    def ask(self, c, status, method, key, body=None):
        try:
            c.ask(status, method, self.place + key + ".ics", body,
                  Content_Type="text/calendar")
        except AssertionError as e:
            if ".ics: 50" in str(e):  # the front has lost its tenantd
                raise ConnectionError(str(e)) from e
            raise

    @staticmethod
    def resource(key, version):
        return davclient.event(key, f"SEQUENCE:{version}",
                               *[f"COMMENT:{key} {version}"] * 50)

    def found(self):
        c = davclient.Client(self.s, USER, WORD)
        listed = c.ask(207, "PROPFIND", self.place,
                       davclient.propfind("D:getetag"), Depth="1").hrefs()
        found = {}
        for href in listed:
            if not href.endswith(".ics"):
                continue
            key = href.rsplit("/", 1)[1][:-4]
            got = c.ask(200, "GET", href).raw.decode()
            version = int(re.search(r"SEQUENCE:(\d+)", got).group(1))
            if got != self.resource(key, version):
                raise Lost(f"{key} is not whole: {got[:200]}")
            found[key] = [version]
        c.close()
        return found


# --- looking afterwards ------------------------------------------------------

def subject(raw):
    found = re.search(rb"^Subject: (\S+)", raw, re.M)
    return found.group(1).decode() if found else None


def number(row, name):
    return int(re.search(name.encode() + rb" (\d+)", row).group(1))


def read_mail(s, user, boxes, state):
    """{subject: [state of each copy]}; each must be whole."""
    found = collections.defaultdict(list)
    c = imap(s, user)
    for box in boxes:
        ok(c.select(box, readonly=True))
        for row in ok(c.uid("fetch", "1:*", "(FLAGS BODY.PEEK[])")):
            if not isinstance(row, tuple):
                continue
            key, size = subject(row[1]), None
            for size in (100, 3000, 200000):
                if row[1].endswith(text(key, size).encode()):
                    break
            else:
                raise Lost(f"{key} in {box} is not whole: {len(row[1])}")
            found[key].append(state(key, box, row[0], size))
    c.logout()
    return found


def check(clients):
    for c in clients:
        if c.wrong:
            raise c.wrong
        c.book.check(c.found())


# --- killing -----------------------------------------------------------------

def descendants(pid):
    children = collections.defaultdict(list)
    for path in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        children[int(fields[1])].append(int(path.parent.name))
    found, todo = [], [pid]
    while todo:
        more = children[todo.pop()]
        found += more
        todo += more
    return found


def kill(s, who):
    if who == "all":
        for pid in [s.process.pid, *descendants(s.process.pid)]:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        s.kill()
        s.start()
        return
    pid = [row["pid"] for row in s.cli("health", "show")["rows"]
           if row["program"] == who][0]
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not pathlib.Path(f"/proc/{pid}").exists())


def serves(s):
    """All three protocols answer again."""
    def up():
        try:
            imap(s, USER).logout()
            with smtplib.SMTP("127.0.0.1", s.ports["smtp_port"], timeout=5):
                pass
            c = davclient.Client(s, USER, WORD)
            c.ask(207, "PROPFIND", "/dav/", davclient.propfind("D:getetag"),
                  Depth="0")
            c.close()
            return True
        except (OSError, EOFError, AssertionError, imaplib.IMAP4.error,
                smtplib.SMTPException,
                davclient.http.client.HTTPException):
            return False
    wait_until(up, 30, 0.1)


@TAP.test
def nothing_acknowledged_is_lost(s, clients):
    chance = random.Random(SEED)
    for who in ROUNDS:
        before = [c.book.acknowledged for c in clients]
        for c in clients:
            c.start()
        wait_until(lambda: all(c.book.acknowledged > b + 2 for c, b in
                               zip(clients, before)), 30)
        time.sleep(chance.uniform(0, 0.6))
        kill(s, who)
        for c in clients:
            c.stop()
        serves(s)
        check(clients)
    print("# acknowledged in", len(ROUNDS), "rounds:",
          {c.book.name: c.book.acknowledged for c in clients}, flush=True)


@TAP.test
def nor_by_a_clean_stop(s, clients):
    assert s.stop() == 0
    s.start()
    serves(s)
    check(clients)


def take_away(c, number):
    """That one alone: a client that was ended may have left others marked."""
    row = ok(c.fetch(number, "(UID)"))[0]
    uid = re.search(rb"UID (\d+)", row).group(1).decode()
    ok(c.uid("store", uid, "+FLAGS.SILENT", r"(\Deleted)"))
    ok(c.uid("expunge", uid))


def select_filled(c):
    """A mailbox that has messages, and the other one; all are in one, now
    and then."""
    boxes = ["one", "two"]
    if ok(c.select(boxes[0]))[0] == b"0":
        boxes.reverse()
        assert ok(c.select(boxes[0]))[0] != b"0"
    return boxes


def reported(clients):
    try:
        check(clients)
    except Lost as e:
        return str(e)
    return None


@TAP.test
def a_message_that_vanishes_is_reported(s, clients):
    """By an administrator of a store that forgets: another session."""
    for user, box in ((OTHER, "INBOX"), (USER, "one"), (USER, "two")):
        assert reported(clients) is None, reported(clients)
        c = imap(s, user)
        if ok(c.select(box))[0] == b"0":
            assert user == USER  # everything may have been moved
            continue
        key = subject(ok(c.fetch("1", "(BODY.PEEK[])"))[0][1])
        take_away(c, "1")
        c.logout()
        said = reported(clients)
        assert said and key in said, (key, said)
        book = [b.book for b in clients if key in b.book.may][0]
        del book.may[key]  # known now


@TAP.test
def so_is_a_lost_flag(s, clients):
    c = imap(s, USER)
    select_filled(c)
    row = ok(c.fetch("1", "(FLAGS)"))[0]
    sign = "-" if b"\\Flagged" in row else "+"
    ok(c.store("1", sign + "FLAGS.SILENT", r"(\Flagged)"))
    assert "may be" in (reported(clients) or "")
    ok(c.store("1", "-+"[sign == "-"] + "FLAGS.SILENT", r"(\Flagged)"))
    c.logout()
    assert reported(clients) is None, reported(clients)


@TAP.test
def so_are_a_second_copy_and_half_a_message(s, clients):
    c = imap(s, USER)
    _, other = select_filled(c)
    ok(c.copy("1", other))
    assert "2 times" in (reported(clients) or "")
    ok(c.select(other))
    take_away(c, "*")
    assert reported(clients) is None, reported(clients)
    ok(c.append(other, None, None, text("Imap-1", 100).encode()[:-9]))
    assert "not whole" in (reported(clients) or "")
    ok(c.noop())
    take_away(c, "*")
    c.logout()
    assert reported(clients) is None, reported(clients)


@TAP.test
def so_is_an_old_resource(s, clients):
    dav = clients[-1]
    key, may = next((k, may) for k, may in dav.book.may.items())
    c = davclient.Client(s, USER, WORD)
    where = dav.place + key + ".ics"
    c.ask(204, "PUT", where, dav.resource(key, 0),
          Content_Type="text/calendar")
    assert "is 0" in (reported(clients) or "")
    c.ask(204, "DELETE", where)
    assert "is gone" in (reported(clients) or "")
    c.close()


def main():
    s = davclient.start(FOLDER, services="caldavd imapd smtpd",
                        words=(WORD, WORD))
    try:
        c = imap(s, USER)
        ok(c.create("one"))
        ok(c.create("two"))
        c.logout()
        clients = [kind(s, random.Random(SEED)) for kind in (Smtp, Imap, Dav)]
        return TAP.run(s, clients)
    finally:
        s.stop()


if __name__ == "__main__":
    sys.exit(main())
