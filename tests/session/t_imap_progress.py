#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""INPROGRESS (RFC 9585) of commands on thousands of messages, told after each
slice here: it grows up to the total, and stands between responses."""
# proves: INPROGRESS
import re
import sys

from host import Session, serve


def check(lines, tag, total):
    done = 0
    told = [re.fullmatch(r'\* OK \[INPROGRESS \("(.*)" (\d+) (\d+)\)\] .*', one)
            for one in lines if "INPROGRESS" in one]
    for one in told:
        assert one and one[1] == tag and int(one[3]) == total, (one, total)
        assert done < int(one[2]) <= total, one[0]
        done = int(one[2])
    return len(told)


def fill(port):
    """A session in a mailbox of so many messages."""
    s = Session(port)
    for k in range(50):
        body = f"Subject: {k}\r\n\r\n{k}\r\n"
        s.ask(f"APPEND INBOX {{{len(body)}+}}\r\n{body}")
    s.ask("SELECT INBOX")
    total = 50
    while total < 3200:
        s.ask("UID COPY 1:* INBOX")
        total *= 2
    return s, total


def run(port):
    s, total = fill(port)
    for text in ("COPY 1:* Archive", "UID STORE 1:* +FLAGS.SILENT (\\Deleted)",
                 "EXPUNGE"):
        lines = s.ask(text)
        told = check(lines, f"t{s.n}", total)
        assert told > 2, (text, told)
        print(f"ok {text.split()[-1]}: told {told} times", flush=True)
    lines = s.ask("NOOP")
    assert len(lines) == 1, lines


def at_rest(port):
    """What takes no seconds tells nothing."""
    s, _ = fill(port)
    lines = s.ask("COPY 1:* Archive")
    assert len(lines) == 1, lines
    print("ok quiet")


sys.exit(serve(run, "progress=0") or serve(at_rest, folder="quiet"))
