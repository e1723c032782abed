#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""Sequence numbers of sessions that select at different moments and ask for
numbers later, while messages come and go: each has those of its SELECT, and
after NOOP those of now, whichever session's view its own was copied from."""
import random
import re
import sys

from host import Session, serve

# The store remembers so many that went (LIMIT_VANISHED).
REMEMBERED = 50000
START = 80
STEPS = 900
OPEN = 6


def numbers(lines):
    """{sequence number: UID} of FETCH responses."""
    return {int(m[1]): int(m[2]) for line in lines
            if (m := re.match(r"\* (\d+) FETCH \(UID (\d+)\)$", line))}


class Driver:
    """Makes messages come and go; `live` is what is there."""

    def __init__(self, port, pick):
        self.session = Session(port)
        self.pick = pick
        self.live = []
        body = "Subject: x\r\n\r\nx\r\n"
        self.note(self.session.ask(
            f"APPEND INBOX {{{len(body)}+}}\r\n{body}")[-1])
        self.session.ask("SELECT INBOX")
        while len(self.live) < START:
            self.arrive()

    def note(self, line):
        """The new UIDs: the last number of APPENDUID, the set of COPYUID."""
        text = re.search(r"(?:APPENDUID|COPYUID)( \S+)* (\S+)\]", line)[2]
        for part in text.split(","):
            low, _, high = part.partition(":")
            self.live += range(int(low), int(high or low) + 1)

    def arrive(self):
        some = self.pick.sample(self.live, min(len(self.live), 4))
        self.note(self.session.ask(
            f"UID COPY {','.join(map(str, some))} INBOX")[-1])

    def go(self):
        gone = self.pick.sample(self.live, min(len(self.live) - 1, 4))
        text = ",".join(map(str, gone))
        self.session.ask(f"UID STORE {text} +FLAGS.SILENT (\\Deleted)")
        self.session.ask(f"UID EXPUNGE {text}")
        self.live = [uid for uid in self.live if uid not in gone]


class Reader:
    def __init__(self, port, live):
        self.session = Session(port)
        self.session.ask("EXAMINE INBOX")
        self.known = list(live)

    def check(self, live):
        found = numbers(self.session.ask(
            "FETCH 1:* (UID)", (" OK ", " NO [EXPUNGEISSUED] ")))
        wrong = {k: uid for k, uid in found.items()
                 if self.known[k - 1] != uid}
        assert not wrong, wrong
        assert set(found.values()) == set(self.known) & set(live)
        self.session.ask("NOOP")
        found = numbers(self.session.ask("FETCH 1:* (UID)"))
        assert found == dict(enumerate(live, 1)), found
        self.session.ask("LOGOUT")


def too_far_back(port):
    """A view held from before what the store remembers is of no use."""
    s = Session(port)
    s.ask("CREATE Moved")
    s.ask("SELECT INBOX")
    s.ask("COPY 1:* Moved")
    s.ask("SELECT Moved")
    while len(numbers(s.ask("FETCH 1:* (UID)"))) < REMEMBERED / 20:
        s.ask("COPY 1:* Moved")
    gone = 0
    while gone < REMEMBERED * 1.1:
        gone += sum("EXPUNGE" in line for line in s.ask("MOVE 1:* Moved"))
    fresh = Session(port)
    fresh.ask("EXAMINE Moved")
    assert numbers(fresh.ask("FETCH 1:* (UID)")) == \
        numbers(s.ask("FETCH 1:* (UID)"))
    print("ok")


def run(port):
    pick = random.Random(3)
    driver = Driver(port, pick)
    readers = []
    for _ in range(STEPS):
        what = pick.random()
        if what < 0.3:
            driver.arrive()
        elif what < 0.6 and len(driver.live) > START / 2:
            driver.go()
        elif len(readers) < OPEN:
            readers.append(Reader(port, driver.live))
        else:
            readers.pop(pick.randrange(OPEN)).check(driver.live)
    print("ok")
    too_far_back(port)


sys.exit(serve(run))
