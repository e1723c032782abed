#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""The index of words in a whole server: it is fed by itself, survives kill -9,
and `bastide index` shows it and makes it again."""
import imaplib
import os
import pathlib
import signal
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import mailserver  # noqa: E402
from server import BUILD, ENVIRONMENT, Tap, wait_until  # noqa: E402

FOLDER = pathlib.Path(os.environ.get("TEST_DIR", "/tmp"))
TAP = Tap()
ANNA = "anna@one.example"
COUNT = 200


def message(number):
    return (f"Subject: word{number:04} here\r\n"
            "Content-Type: text/plain; charset=utf-8\r\n\r\n"
            f"common text {number} of \u00e9t\u00e9, \u00c9T\u00c9\r\n").encode()


def index(server):
    return server.cli("index", "show", ANNA)


def found(connection, *query):
    status, data = connection.search(None, *query)
    assert status == "OK", data
    return [int(word) for word in data[0].split()]


def serves(server):
    try:
        with mailserver.imap(server, ANNA):
            return True
    except imaplib.IMAP4.error:
        return False


def in_other_collations(connection, everything):
    """The index folds letters as one of them does."""
    for name, word, there in (("i;ascii-casemap", "\u00c9t\u00c9", True),
                              ("i;ascii-casemap", "\u00c9t\u00e9", False),
                              ("i;unicode-casemap", "\u00c9t\u00e9", True)):
        assert connection.xatom("COMPARATOR", f'"{name}"')[0] == "OK"
        connection.literal = word.encode()
        status, data = connection.search("UTF-8", "BODY")
        assert status == "OK", data
        assert [int(n) for n in data[0].split()] == (
            everything if there else []), (name, word)


def all_answers(server):
    wait_until(lambda: serves(server), 10)
    with mailserver.imap(server, ANNA, "INBOX") as anna:
        everything = list(range(1, COUNT + 1))
        assert found(anna, "TEXT", "common") == everything
        assert found(anna, "BODY", "ommo") == everything
        assert found(anna, "BODY", "word0007") == []
        for k in (0, 7, 150, COUNT - 1):
            assert found(anna, "TEXT", f"ord{k:04}") == [k + 1]
            assert found(anna, "TEXT", f'"word{k:04} HERE"') == [k + 1]
            assert found(anna, "HEADER", "Subject", f"ord{k:04}") == [k + 1]
            # It is in the header, but of another field.
            assert found(anna, "HEADER", "Content-Type", f"ord{k:04}") == []
            assert found(anna, "NOT", "TEXT", f"word{k:04}") == [
                n for n in everything if n != k + 1]
        assert found(anna, "TEXT", "common", "OR", "TEXT", "word0007",
                     "TEXT", "word0150") == [8, 151]
        in_other_collations(anna, everything)
        # One letter off.
        assert found(anna, "FUZZY", "TEXT", "word0x12") == [13, 113]
        assert found(anna, "FUZZY", "TEXT", '"here ord0012"') == [13]


@TAP.test
def mail_is_indexed_by_itself(server):
    with mailserver.imap(server, ANNA, "INBOX") as anna:
        for k in range(COUNT):
            assert anna.append("INBOX", "", None, message(k))[0] == "OK"
    all_answers(server)
    wait_until(lambda: index(server)["complete"], 30)
    assert index(server)["messages"] > COUNT - 32, index(server)
    all_answers(server)
    assert server.cli("check")["verdict"] == "ok"


@TAP.test
def it_is_made_again(server):
    done = subprocess.run(
        [str(BUILD / "admin/bastide"), "index", "rebuild", ANNA, "--socket",
         str(server.data / "admin.sock")], capture_output=True, text=True,
        env=ENVIRONMENT, timeout=60)
    assert done.returncode == 0 and "complete: yes" in done.stdout, done
    assert "%" in done.stderr, done
    assert index(server)["messages"] == COUNT
    all_answers(server)
    assert server.cli("check")["verdict"] == "ok"


@TAP.test
def a_kill_leaves_it_whole(server):
    for _ in range(5):
        before = [row["pid"] for row in server.cli("health", "show")["rows"]
                  if row["program"] == "tenantd"]
        process = subprocess.Popen(
            [str(BUILD / "admin/bastide"), "index", "rebuild", ANNA,
             "--socket", str(server.data / "admin.sock")],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env=ENVIRONMENT)
        wait_until(lambda: process.poll() is not None or
                   not index(server)["complete"], 10, 0.01)
        for pid in before:
            os.kill(pid, signal.SIGKILL)
        process.wait(30)
        all_answers(server)
        wait_until(lambda: index(server)["complete"], 30)
        all_answers(server)
    assert server.cli("check")["verdict"] == "ok"


if __name__ == "__main__":
    main = mailserver.start(FOLDER)
    try:
        status = TAP.run(main)
    finally:
        main.stop()
    sys.exit(status)
