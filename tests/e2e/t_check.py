#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""`bastide check` on a server that serves, and on stores with damage."""
import json
import os
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import mailserver  # noqa: E402
from server import BUILD, ENVIRONMENT, Tap, wait_until  # noqa: E402

FOLDER = pathlib.Path(os.environ.get("TEST_DIR", "/tmp"))
TAP = Tap()
EX_NOUSER, EX_DATAERR = 67, 65


def check(server, *words):
    """Exit status, rows, verdict."""
    done = subprocess.run(
        [str(BUILD / "admin/bastide"), "check", *words, "--json",
         "--socket", str(server.data / "admin.sock")],
        capture_output=True, text=True, env=ENVIRONMENT, timeout=120)
    if not done.stdout.startswith("{"):
        return done.returncode, [], done.stderr
    result = json.loads(done.stdout)
    return done.returncode, result.get("rows", []), result.get("verdict")


def store(server, domain):
    identity = server.cli("tenant", "show", domain)["id"]
    return identity, server.data / "tenants" / identity


def flip(path, at):
    with open(path, "r+b") as f:
        f.seek(at)
        byte = f.read(1)
        f.seek(at)
        f.write(bytes([byte[0] ^ 1]))


@TAP.test
def all_is_well_while_it_serves(server):
    message = b"Subject: x\r\n\r\n" + b"some text\r\n" * 20000
    with mailserver.imap(server, "anna@one.example", "INBOX") as anna:
        for _ in range(5):
            assert anna.append("INBOX", "", None, message)[0] == "OK"
        status, rows, verdict = check(server)
        assert (status, verdict) == (0, "ok"), (status, rows)
        assert anna.noop()[0] == "OK"
    one, _ = store(server, "one.example")
    two, _ = store(server, "two.example")
    rows = {row["tenant"]: row for row in rows}
    assert set(rows) == {one, two}, rows
    assert rows[one]["messages"] == 5 and rows[one]["findings"] == 0
    assert rows[one]["bytes"] == 5 * len(message), rows
    assert rows[one]["accounts"] == 3 and rows[two]["accounts"] == 2, rows
    assert rows[two]["records"] > 0, rows


@TAP.test
def one_tenant_is_named(server):
    two, _ = store(server, "two.example")
    for name in ("two.example", two):
        status, rows, verdict = check(server, name)
        assert (status, verdict) == (0, "ok")
        assert [row["tenant"] for row in rows] == [two]
    assert check(server, "nowhere.example")[0] == EX_NOUSER
    done = subprocess.run(
        [str(BUILD / "admin/bastide"), "check", "one.example", "--socket",
         str(server.data / "admin.sock")], capture_output=True, text=True,
        env=ENVIRONMENT, timeout=60)
    assert done.returncode == 0 and "verdict: ok" in done.stdout, done
    assert "messages=5" in done.stdout, done


@TAP.test
def many_messages_take_several_answers(server):
    message = b"Subject: x\r\n\r\n" + b"0123456789 abc\r\n" * 250000
    with mailserver.imap(server, "anna@one.example", "INBOX") as anna:
        for _ in range(60):
            assert anna.append("INBOX", "", None, message)[0] == "OK"
        done = subprocess.run(
            [str(BUILD / "admin/bastide"), "check", "one.example",
             "--socket", str(server.data / "admin.sock")],
            capture_output=True, text=True, env=ENVIRONMENT, timeout=120)
    assert done.returncode == 0 and "messages=65" in done.stdout, done
    assert "MiB of bodies" in done.stderr, done


def damaged(server, domain, prefix, at):
    """The check of the tenant, with one bit of one file changed."""
    identity, folder = store(server, domain)
    assert server.stop() == 0
    path = sorted(folder.glob(prefix + "*"))[-1]
    flip(path, at)
    server.start()
    found = check(server, domain)
    everything = check(server)
    assert server.stop() == 0
    flip(path, at)
    server.start()
    status, rows, verdict = found
    assert (status, verdict) == (EX_DATAERR, "corrupt"), found
    assert everything[0] == EX_DATAERR, everything
    assert len({row["tenant"] for row in everything[1]}) == 2, everything
    texts = [row["finding"] for row in rows if "finding" in row]
    assert all(row["tenant"] == identity for row in rows), rows
    return path.name, texts


@TAP.test
def damage_is_named_with_its_place(server):
    for prefix, at, place in (
            ("seg-", 5000, "account 1: body"),
            ("db-00000002", 3 * 4096 + 7, "account 2: page 4 of db-00000002"),
            ("map-00000001-", 70, "account 1: map-00000001-")):
        name, texts = damaged(server, "one.example", prefix, at)
        assert any(place in text and name[:12] in text
                   for text in texts), (name, texts)


@TAP.test
def a_store_that_does_not_open_says_where(server):
    for prefix, at, place in (
            ("map-00000000-", 70, "key or map of the tenant"),
            ("keys", 13, "keys:"), ("journal-", 20, "journal-")):
        _, texts = damaged(server, "two.example", prefix, at)
        assert len(texts) == 1 and place in texts[0], (place, texts)
    # Undone, everything is as before.
    wait_until(lambda: check(server)[::2] == (0, "ok"), 60, 1)


if __name__ == "__main__":
    main = mailserver.start(FOLDER)
    try:
        status = TAP.run(main)
    finally:
        main.stop()
    sys.exit(status)
