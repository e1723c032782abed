#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""Nothing in clear: marked mail goes in by SMTP and IMAP, is read, searched,
flagged, moved and queued as clients do; then its marks are looked for in the
raw bytes and names of the whole data directory and in the log: while serving,
after kill -9, and after a clean stop. The control plants a mark and must find
it."""
import base64
import os
import pathlib
import secrets
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import mailserver
import server

tap = server.Tap()
SUFFIX = secrets.token_hex(3)
MARKS = {name: f"zq{name}{SUFFIX}" for name in (
    "subject fromname fromaddress toaddress body html attachname attachbody "
    "attachbase64 folder subfolder keyword messageid listid inreplyto draft "
    "queued queuedto").split()}


def message(extra=""):
    inner = base64.b64encode(
        ("xxx" + MARKS["attachbase64"] + " secret").encode()).decode()
    return (
        "From: {fromname} <{fromaddress}@far.example>\r\n"
        "To: {toaddress}@one.example\r\nSubject: Report {subject}\r\n"
        "Date: Mon, 5 Jan 2026 10:00:00 +0100\r\n"
        "Message-ID: <{messageid}@far.example>\r\n"
        "In-Reply-To: <{inreplyto}@far.example>\r\n"
        "List-Id: <{listid}.far.example>\r\nMIME-Version: 1.0\r\n"
        "Content-Type: multipart/mixed; boundary=BB\r\n\r\n"
        "--BB\r\nContent-Type: text/plain\r\n\r\nHello {body} text.\r\n"
        "--BB\r\nContent-Type: text/html\r\n\r\n<p>{html}</p>\r\n"
        "--BB\r\nContent-Type: text/plain; name=\"{attachname}.txt\"\r\n"
        "Content-Disposition: attachment\r\n\r\n{attachbody}\r\n"
        "--BB\r\nContent-Type: application/octet-stream\r\n"
        "Content-Transfer-Encoding: base64\r\n\r\n").format(
            **MARKS) + inner + "\r\n" + extra + "--BB--\r\n"


def patterns():
    found = {}
    for name, mark in MARKS.items():
        found[name] = [mark.encode(), mark.upper().encode(),
                       mark.encode("utf-16le"), mark.encode("utf-16be"),
                       base64.b64encode(mark.encode())[:-4]]
    found["attachbase64"].append(
        base64.b64encode(("xxx" + MARKS["attachbase64"]).encode())[:-4])
    return found


def leaks(*places):
    """(mark, file) for every mark in the bytes or names below `places`."""
    found, scanned = set(), 0
    for place in places:
        for path in [place, *place.rglob("*")]:
            for name, mark in MARKS.items():
                if mark.lower() in path.name.lower():
                    found.add((name, f"name {path.name}"))
            if not path.is_file():
                continue
            data = path.read_bytes()
            scanned += len(data)
            for name, texts in patterns().items():
                if any(text in data for text in texts):
                    found.add((name, path.name))
    return found, scanned


def expect_none(s):
    found, scanned = leaks(s.data, s.log_path)
    assert not found, sorted(found)
    assert scanned > 100000, f"only {scanned} bytes were looked at"


def use(s):
    with mailserver.outside(s) as c:
        c.sendmail(MARKS["fromaddress"] + "@far.example",
                   "anna@one.example", message())
        c.sendmail("x@far.example", "anna@one.example",
                   message("--BB\r\n\r\n" + MARKS["body"] * 20000 + "\r\n"))
    with mailserver.submission(s, "anna@one.example") as c:
        c.sendmail("anna@one.example",
                   [f"{MARKS['queuedto']}@elsewhere.example"],
                   f"Subject: {MARKS['queued']}\r\n\r\n" +
                   MARKS["queued"] * 1000)
    folder = f"{MARKS['folder']}/{MARKS['subfolder']}"
    with mailserver.imap(s, "anna@one.example", "INBOX") as c:
        c.create(f'"{folder}"')
        c.subscribe(f'"{folder}"')
        c.append("Drafts", r"(\Draft)", None, MARKS["draft"].encode())
        c.append(f'"{folder}"', f"({MARKS['keyword']})", None,
                 message().encode())
        c.store("1", "+FLAGS", MARKS["keyword"])
        c.fetch("1:*", "(ENVELOPE BODYSTRUCTURE BODY.PEEK[])")
        for key in ("SUBJECT", "TEXT", "BODY"):
            c.search(None, key, MARKS["body"])
        c.copy("1", f'"{folder}"')
        c.store("2", "+FLAGS", r"\Deleted")
        c.expunge()


@tap.test
def the_scanner_finds_a_planted_mark(s):
    for plant in (MARKS["body"].encode(), MARKS["body"].encode("utf-16le")):
        (s.data / "planted").write_bytes(b"\0" * 100 + plant)
        found, _ = leaks(s.data)
        (s.data / "planted").unlink()
        assert found == {("body", "planted")}, found
    (s.data / MARKS["folder"]).mkdir()
    found, _ = leaks(s.data)
    (s.data / MARKS["folder"]).rmdir()
    assert len(found) == 1, found


@tap.test
def the_marks_are_there_for_the_owner(s):
    use(s)
    text = b"".join(mailserver.texts(s, "anna@one.example"))
    for name in ("subject", "body", "attachbody", "messageid"):
        assert MARKS[name].encode() in text, name


@tap.test
def nothing_in_clear_while_serving(s):
    expect_none(s)


@tap.test
def nothing_in_clear_after_kill_9(s):
    s.kill()
    expect_none(s)
    s.start()
    text = b"".join(mailserver.texts(s, "anna@one.example"))
    assert MARKS["subject"].encode() in text, "lost"
    expect_none(s)


@tap.test
def nothing_in_clear_after_a_clean_stop(s):
    assert s.stop() == 0
    expect_none(s)


def main():
    folder = pathlib.Path(os.environ["TEST_DIR"])
    folder.chmod(0o755)
    s = mailserver.start(folder)
    try:
        return tap.run(s)
    finally:
        s.stop()


sys.exit(main())
