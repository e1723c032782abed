#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""UIDBATCHES (RFC 10022) of a mailbox with holes: ranges that adjoin, each of as
many messages as were asked for."""
# proves: UIDBATCHES
import re
import sys

from host import Session, serve


def batches(s, text):
    line = s.ask("UIDBATCHES " + text)[0]
    found = re.fullmatch(r'\* UIDBATCHES \(TAG "t\d+"\)(?: (.*))?', line)
    return [tuple(map(int, (one + ":" + one).split(":")[:2]))
            for one in (found[1] or "").split(",") if one]


def run(port):
    s = Session(port)
    for k in range(50):
        body = f"Subject: {k}\r\n\r\n{k}\r\n"
        s.ask(f"APPEND INBOX {{{len(body)}+}}\r\n{body}")
    s.ask("SELECT INBOX")
    for _ in range(6):
        s.ask("UID COPY 1:* INBOX")
    # The hole at 2680 lies right below the first 500.
    s.ask("UID STORE 1:7,300:800,2680:2686,2699:2701,3190:3200 "
          "+FLAGS.SILENT (\\Deleted)")
    s.ask("EXPUNGE")
    there = [int(uid) for uid in s.ask("UID SEARCH ALL")[0].split()[2:]]
    for size in (500, 501, 1339, 5000):
        got = batches(s, str(size))
        assert got[0][0] == there[-1] and got[-1][1] == there[0], got
        for (high, low), (after, _) in zip(got, got[1:]):
            assert after == low - 1 and high >= low, got
        counts = [sum(low <= uid <= high for uid in there)
                  for high, low in got]
        assert all(n == size for n in counts[:-1]), (size, counts)
        assert 0 < counts[-1] <= size and sum(counts) == len(there)
        assert batches(s, f"{size} 2:3") == got[1:3]
        assert batches(s, f"{size} 1:1") == got[:1]
        print(f"ok {size}: {len(got)} batches", flush=True)


sys.exit(serve(run))
