#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""INPROGRESS (RFC 9585) of commands on thousands of messages, told after each
slice here: it grows up to the total, and stands between responses."""
# proves: INPROGRESS
import os
import pathlib
import re
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from t_imap_resync import Session  # noqa: E402


def check(lines, tag, total):
    done = 0
    told = [re.fullmatch(r'\* OK \[INPROGRESS \("(.*)" (\d+) (\d+)\)\] .*', one)
            for one in lines if "INPROGRESS" in one]
    for one in told:
        assert one and one[1] == tag and int(one[3]) == total, (one, total)
        assert done <= int(one[2]) <= total, one[0]
        done = int(one[2])
    return len(told)


def run(port):
    s = Session(port)
    for k in range(50):
        body = f"Subject: {k}\r\n\r\n{k}\r\n"
        s.ask(f"APPEND INBOX {{{len(body)}+}}\r\n{body}")
    s.ask("SELECT INBOX")
    total = 50
    while total < 3200:
        s.ask("UID COPY 1:* INBOX")
        total *= 2
    for text in ("COPY 1:* Archive", "UID STORE 1:* +FLAGS.SILENT (\\Deleted)",
                 "EXPUNGE"):
        lines = s.ask(text)
        told = check(lines, f"t{s.n}", total)
        assert told > 2, (text, told)
        print(f"ok {text.split()[-1]}: told {told} times", flush=True)
    lines = s.ask("NOOP")
    assert len(lines) == 1, lines


def main():
    pathlib.Path(os.environ["TEST_DIR"]).chmod(0o700)
    host = subprocess.Popen(
        [f"{os.environ['BUILD_DIR']}/tests/session/imap_host",
         os.environ["TEST_DIR"], "progress=0"], stdout=subprocess.PIPE, text=True)
    try:
        run(int(host.stdout.readline().split()[1]))
    finally:
        host.terminate()
    return host.wait(30)


sys.exit(main())
