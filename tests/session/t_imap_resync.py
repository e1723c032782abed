#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""QRESYNC (RFC 7162 3.2) on a mailbox of thousands: what SELECT tells a client
that was away is the difference of what it knew and what is there, whether few
or many messages changed."""
# proves: QRESYNC
import random
import re
import sys

from host import Session, serve

# As many views as the host holds (LIMIT_HELD_VIEWS).
OTHERS = 16


def uids(text):
    for part in text.split(","):
        low, _, high = part.partition(":")
        yield from range(int(low), int(high or low) + 1)


def flags_of(lines):
    """{uid: (sequence number, flags)} of FETCH responses."""
    found = {}
    for line in lines:
        if m := re.match(r"\* (\d+) FETCH \((.*)\)$", line):
            uid = int(re.search(r"UID (\d+)", m[2])[1])
            assert uid not in found, f"twice: {line}"
            found[uid] = (int(m[1]), re.search(r"FLAGS \((.*?)\)", m[2])[1])
    return found


def highest(lines):
    return int(re.search(r"HIGHESTMODSEQ (\d+)", "\n".join(lines))[1])


def push_out(port):
    """Other views take the place of the held one of INBOX: without it the
    numbers are counted in the store."""
    s = Session(port)
    for k in range(OTHERS):
        s.ask(f"EXAMINE Other{k}")
        s.ask("FETCH 1 UID")


def compare(port, select, before, changed, gone):
    """A client that knew `before` looks again."""
    away = Session(port)
    away.ask("ENABLE QRESYNC")
    lines = away.ask(select)
    vanished = [uid for line in lines if line.startswith("* VANISHED (E")
                for uid in uids(line.split()[3])]
    assert len(vanished) == len(set(vanished)), "twice in VANISHED"
    told = flags_of(lines)
    now = flags_of(now_at(port))
    assert set(vanished) == set(gone), (len(vanished), len(gone))
    assert set(told) == set(changed), (len(told), len(changed))
    for uid, what in told.items():
        assert now[uid] == what, (uid, what, now[uid])
    left = sorted(set(before) - set(vanished))
    assert {uid: k for k, uid in enumerate(left, 1)} == \
        {uid: seq for uid, (seq, _) in now.items()}
    # The numbers that the session goes on with are the same.
    assert flags_of(away.ask("UID FETCH 1:* (FLAGS)")) == now


def now_at(port):
    fresh = Session(port)
    fresh.ask("EXAMINE INBOX")
    return fresh.ask("UID FETCH 1:* (FLAGS)")


def run(port):
    s = Session(port)
    for k in range(50):
        body = f"Subject: {k}\r\n\r\n{k}\r\n"
        s.ask(f"APPEND INBOX (\\Seen) {{{len(body)}+}}\r\n{body}")
    s.ask("SELECT INBOX")
    for k in range(OTHERS):
        s.ask(f"CREATE Other{k}")
        s.ask(f"COPY 1:* Other{k}")
    while len(before := flags_of(s.ask("UID FETCH 1:* FLAGS"))) < 2500:
        s.ask("UID COPY 1:* INBOX")
    s.ask("ENABLE QRESYNC")
    lines = s.ask("SELECT INBOX")
    validity = int(re.search(r"UIDVALIDITY (\d+)", "\n".join(lines))[1])
    pick = random.Random(7)
    for n_gone, n_changed in ((0, 1), (700, 0), (30, 230), (100, 1400)):
        since = highest(s.ask("SELECT INBOX"))
        left = sorted(before)
        gone = pick.sample(left, n_gone)
        left = sorted(set(left) - set(gone))
        changed = pick.sample(left, n_changed)
        for lot, flag in ((gone, "\\Deleted"), (changed, "\\Flagged")):
            # One from the midst comes last, below those told before it.
            lot, at = sorted(lot), len(lot) * 3 // 4
            for part in filter(None, (lot[:at] + lot[at + 1:],
                                      lot[at:at + 1])):
                text = ",".join(map(str, part))
                s.ask(f"UID STORE {text} -FLAGS.SILENT (\\Seen {flag})")
                s.ask(f"UID STORE {text} +FLAGS.SILENT ({flag})")
        s.ask("EXPUNGE")
        for prepare in (lambda port: None, push_out):
            prepare(port)
            compare(port, f"SELECT INBOX (QRESYNC ({validity} {since}))",
                    before, changed, gone)
        known = sorted(before)[100:1900]
        span = f"{known[0]}:{known[-1]}"
        away = Session(port)
        away.ask("ENABLE QRESYNC")
        away.ask("SELECT INBOX")
        lines = away.ask(f"UID FETCH {span} (FLAGS) "
                         f"(CHANGEDSINCE {since} VANISHED)")
        assert set(flags_of(lines)) == set(changed) & set(known)
        assert {uid for line in lines if line.startswith("* VANISHED (E")
                for uid in uids(line.split()[3])} == set(gone) & set(known)
        before = left
        print(f"ok {n_gone} gone, {n_changed} changed", flush=True)


sys.exit(serve(run))
