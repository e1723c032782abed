#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""Messages that are expunged while another session fetches them: by UID they
are told and ignored, by number the answer says that some are gone."""
import re
import sys

from host import Session, serve

# All are in one batch of rows; most do not fit in the sockets' buffers.
MESSAGES = 10
BODY = "Subject: large\r\n\r\n" + ("x" * 70 + "\r\n") * 30000


def begin(port, command):
    """A reader whose answer has begun, and waits for the client to read."""
    reader = Session(port)
    reader.ask("EXAMINE INBOX")
    reader.file.write(f"f {command}\r\n".encode())
    reader.file.flush()
    first = reader.file.readline().decode()
    assert "FETCH" in first, first
    return reader


def end(reader):
    """Its lines that are no text of messages."""
    lines = []
    while not lines or not lines[-1].startswith("f "):
        line = reader.file.readline().decode()
        if not line.startswith(("x", "Subject", "\r")):
            lines.append(line.rstrip())
    return lines


def expunge(port):
    """The newest, whose row was read and whose text was not."""
    writer = Session(port)
    writer.ask("SELECT INBOX")
    writer.ask(r"STORE * +FLAGS.SILENT (\Deleted)")
    assert any("EXPUNGE" in line for line in writer.ask("EXPUNGE"))
    writer.ask("LOGOUT")


def run(port):
    writer = Session(port)
    for _ in range(MESSAGES):
        writer.ask(f"APPEND INBOX {{{len(BODY)}+}}\r\n{BODY}")
    for command, told, status in (
            ("UID FETCH 1:* (UID BODY.PEEK[])", True, "f OK "),
            ("FETCH 1:* (UID BODY.PEEK[])", False, "f NO [EXPUNGEISSUED] ")):
        reader = begin(port, command)
        expunge(port)
        lines = end(reader)
        assert lines[-1].startswith(status), lines[-1]
        assert any(re.match(r"\* \d+ EXPUNGE", line)
                   for line in lines) == told, lines
        print(f"ok {command.split()[0]}")
        reader.ask("LOGOUT")


sys.exit(serve(run))
