#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""FETCH that UPDATE wants of new messages (RFC 5465 7), larger than what sockets
hold, while the client idles, says what is no DONE, and messages come and go: each
response is whole, behind EXISTS and before ADDTO, and the idle command's answer
comes behind them."""
# proves: CONTEXT=SEARCH
import re
import sys

from host import Session, serve

TEXT = ("x" * 70 + "\r\n") * 30000
SMALL = "Subject: small\r\n\r\ny\r\n"
MANY = 300


def body(n):
    return f"Subject: large {n}\r\n\r\n{TEXT}"


def send(session, line):
    session.file.write(f"{line}\r\n".encode())
    session.file.flush()


def until(session, start):
    """Lines up to one with this start; of each literal, its bytes instead."""
    lines = []
    while not lines or not lines[-1].startswith(start):
        line = session.file.readline().decode().rstrip("\r\n")
        assert line, (start, lines[-3:])
        size = re.search(r"\{(\d+)\}$", line)
        if size:
            text = session.file.read(int(size.group(1))).decode()
            rest = session.file.readline().decode().rstrip("\r\n")
            assert rest == ")", rest
            lines.append((line, text))
            lines.append(rest)
        else:
            lines.append(line)
    return lines


def kinds(lines):
    """What they are, in order: E(XISTS), F(ETCH), A(DDTO), X for EXPUNGE."""
    told = ""
    for line in lines:
        head = line[0] if isinstance(line, tuple) else line
        for word, letter in (("EXISTS", "E"), ("FETCH", "F"), ("ADDTO", "A"),
                             ("EXPUNGE", "X")):
            told += letter if f" {word}" in head else ""
    return told


def idle(port, done, status):
    writer, reader = Session(port), Session(port)
    writer.ask("SELECT INBOX")
    reader.ask("SELECT INBOX")
    tag = f"t{reader.n + 1}"
    reader.ask("SEARCH RETURN (UPDATE (UID BODY.PEEK[])) SUBJECT large")
    send(reader, "i IDLE")
    assert reader.file.readline().startswith(b"+")
    for n in range(3):
        writer.ask(f"APPEND INBOX {{{len(body(n))}+}}\r\n{body(n)}")
    # The first one is on its way; nobody reads.
    writer.ask(r"STORE 1 +FLAGS.SILENT (\Deleted)")
    writer.ask("EXPUNGE")
    send(reader, done)
    lines = until(reader, "i ")
    assert lines[-1].startswith(status), lines[-1]
    texts = [line[1] for line in lines if isinstance(line, tuple)]
    assert texts == [body(n) for n in range(3)], [len(t) for t in texts]
    told = kinds(lines)
    # The EXPUNGE and later EXISTS come between responses, as time has it.
    assert re.fullmatch("EF?[EFX]*F[EFXA]*A[EX]*", told) and \
        told.count("F") == 3 and told.count("X") == 1, told
    added = [line for line in lines if "ADDTO" in line]
    assert all(f'TAG "{tag}"' in line for line in added), added
    reader.ask("LOGOUT")
    writer.ask(r"STORE 1:* +FLAGS.SILENT (\Deleted)")
    writer.ask("EXPUNGE")
    writer.ask(f"APPEND INBOX {{{len(SMALL)}+}}\r\n{SMALL}")
    writer.ask("LOGOUT")


def many(port):
    """All of a COPY at once, told in the answer to one NOOP."""
    writer, reader = Session(port), Session(port)
    writer.ask("CREATE Many")
    for _ in range(MANY // 50):
        writer.ask("APPEND Many " + " ".join(
            f"{{{len(SMALL)}+}}\r\n{SMALL}" for _ in range(50)))
    reader.ask("SELECT INBOX")
    reader.ask("UID SEARCH RETURN (UPDATE (UID ENVELOPE)) SUBJECT small")
    writer.ask("SELECT Many")
    copied = writer.ask("COPY 1:* INBOX")[-1]
    low, high = map(int, re.search(r"(\d+):(\d+)\] ", copied).groups())
    lines = reader.ask("NOOP")
    fetched = [int(found.group(1)) for found in (
        re.match(r"\* \d+ FETCH \(UID (\d+) ENVELOPE", line)
        for line in lines) if found]
    assert fetched == list(range(low, high + 1)), fetched
    # In slices, as time has it.
    assert re.fullmatch("E(F+A+)+", kinds(lines)), kinds(lines)[:9]
    added = [range(int(first), int(last or first) + 1) for first, last in
             re.findall(r"ADDTO \(0 (\d+)(?::(\d+))?\)", "".join(lines))]
    assert [uid for some in added for uid in some] == fetched, added


def run(port):
    first = Session(port)
    first.ask(f"APPEND INBOX {{{len(SMALL)}+}}\r\n{SMALL}")
    idle(port, "DONE", "i OK ")
    print("ok idle")
    idle(port, "NOISE", "i BAD ")
    print("ok no done")
    many(port)
    print("ok many")


sys.exit(serve(run))
