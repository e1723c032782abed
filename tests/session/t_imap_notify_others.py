#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""News of many mailboxes of somebody else take more than one slice. The right on
the last of them goes in the midst, and a message comes there after that: of it
nothing is told, however far the news are."""
import re
import sys

from host import Session, serve

BOXES = 200
BEN = "127.0.0.2"
# The host reads so much at a time; what is between is for slices of news.
FILLER = "x NOOP\r\n" * (2 * 65536 // 8)


def prepare(anna):
    anna.ask("APPEND INBOX {5+}\r\na: b\n")
    anna.ask("CREATE Box")
    anna.ask("SETACL Box ben@example.org lr")
    for k in range(BOXES):
        anna.ask(f"CREATE Box/{k}")  # with its parent's rights
    anna.ask("SELECT INBOX")


GONE = r"* LIST (\NonExistent \NoAccess) "


def until_gone(ben):
    lines = [""]
    while not lines[-1].startswith(GONE):
        lines.append(ben.file.readline().decode().rstrip("\r\n"))
    return lines


def run(port):
    anna, ben = Session(port), Session(port, BEN)
    prepare(anna)
    ben.ask('NOTIFY SET (subtree "Other Users/anna@example.org/Box"'
            " (MessageNew MessageExpunge))")
    last = f"Box/{BOXES - 1}"
    anna.file.write("".join(
        [f"x COPY 1 Box/{k}\r\n" for k in range(BOXES)] +
        [FILLER, f'x SETACL {last} ben@example.org ""\r\n',
         f"x COPY 1 {last}\r\nend NOOP\r\n"]).encode())
    anna.file.flush()
    while not (line := anna.file.readline()).startswith(b"end "):
        assert line.startswith((b"x OK ", b"* ")), line
    told = until_gone(ben) + ben.ask("NOOP")
    boxes = {name: int(n) for line in told for name, n in
             re.findall(r"^\* STATUS \S+ Users/\S+/(\S+?)\"? "
                        r"\(MESSAGES (\d+) ", line)}
    assert len(boxes) >= BOXES - 1, len(boxes)
    print("ok what he may read is told")
    assert boxes.get(last, 1) == 1, told[-3:]
    assert [line for line in told if line.startswith(GONE)] == [
        f'{GONE}"/" "Other Users/anna@example.org/{last}"'], told[-3:]
    print("ok what he may no longer read is not")


sys.exit(serve(run))
