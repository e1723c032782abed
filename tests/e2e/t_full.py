#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""A full disk, as clients see it: IMAP NO [UNAVAILABLE], SMTP 452 4.3.1, HTTP
507; deleting works and makes room; nothing is damaged. Needs root, for a small
file system of its own."""
import contextlib
import imaplib
import os
import pathlib
import smtplib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import davclient  # noqa: E402
import mailserver  # noqa: E402
import server  # noqa: E402
from server import Tap, wait_until  # noqa: E402

FOLDER = pathlib.Path(os.environ.get("TEST_DIR", "/tmp"))
TAP = Tap()
SIZE = "40m"
USER, WORD = davclient.USER, davclient.WORD
LARGE = b"Subject: large\r\n\r\n" + b"0123456789 abcdef\r\n" * 16000
SMALL = b"Subject: small\r\n\r\nfew words\r\n"


@contextlib.contextmanager
def imap(s):
    with imaplib.IMAP4_SSL("127.0.0.1", s.ports["imaps_port"],
                           ssl_context=mailserver.trust(),
                           timeout=60) as connection:
        connection._encoding = "utf-8"
        connection.login(USER, WORD)
        assert connection.select("INBOX")[0] == "OK"
        yield connection


def append(connection, message):
    status, data = connection.append("INBOX", "", None, message)
    return status, data[0].decode()


def fill(connection):
    """Large ones, then small ones until nothing fits; the last refusal."""
    refusal = None
    for message in (LARGE, LARGE[:20000], SMALL):
        for _ in range(5000):
            status, text = append(connection, message)
            if status != "OK":
                refusal = text
                break
        else:
            raise AssertionError("the disk does not fill")
    return refusal


def smtp_refuses(s):
    with smtplib.SMTP("127.0.0.1", s.ports["smtp_port"], timeout=60) as m:
        try:
            m.sendmail("x@else.example", [USER], LARGE)
            return None
        except smtplib.SMTPResponseException as e:
            return e.smtp_code, e.smtp_error[:5]
        except smtplib.SMTPRecipientsRefused as e:
            code, text = e.recipients[USER]
            return code, text[:5]


def dav_refuses(s):
    client = davclient.Client(s)
    try:
        name = os.urandom(8).hex()
        client.ask(507, "PUT", f"{davclient.home()}calendar/{name}.ics",
                   davclient.event(name), Content_Type="text/calendar")
        return True
    except AssertionError as e:
        if ": 201," in str(e):
            return None
        raise
    finally:
        client.close()


def when_full(connection, refuses):
    """What it says; the store may have made room since the disk was full."""
    for _ in range(20):
        text = fill(connection)
        assert text.startswith("[UNAVAILABLE]"), text
        answer = refuses()
        if answer:
            return answer
    raise AssertionError("it is always taken")


@TAP.test
def each_protocol_refuses_in_its_own_words(s):
    with imap(s) as connection:
        answer = when_full(connection, lambda: smtp_refuses(s))
        assert answer == (452, b"4.3.1"), answer
        assert when_full(connection, lambda: dav_refuses(s))
        # Reading goes on, also where it would mark as read; so does deleting.
        status, data = connection.fetch("1", "(BODY[])")
        assert status == "OK" and data[0][1] == LARGE, status
        connection.create("Trash")
        assert connection.xatom("MOVE", "2", "Trash")[0] == "OK"
        assert connection.store("2", "+FLAGS", "(\\Deleted)")[0] == "OK"
        status, data = connection.expunge()
        assert status == "OK" and data[-1:] == [b"2"], (status, data)


@TAP.test
def nothing_is_damaged(s):
    result = s.cli("check")
    assert result["verdict"] == "ok", result


@TAP.test
def a_restart_finds_the_disk_full_and_serves(s):
    assert s.stop() == 0
    # To the last byte: nothing of ours can be written at its start.
    with open(s.data / "ballast", "wb", 0) as f:
        with contextlib.suppress(OSError):
            while True:
                f.write(bytes(4096))
    s.start()
    (s.data / "ballast").unlink()
    with imap(s) as connection:
        assert connection.fetch("1", "(RFC822.SIZE)")[0] == "OK"


@TAP.test
def deleting_makes_room(s):
    with imap(s) as connection:
        count = int(connection.select("INBOX")[1][0])
        for first in range(1, count + 1, 50):
            status, data = connection.store(
                f"{first}:{min(first + 49, count)}", "+FLAGS.SILENT",
                "(\\Deleted)")
            assert status == "OK", data
        status, data = connection.expunge()
        assert status == "OK" and len(data) == count, (status, data[:3])
        # A segment goes when the last body in it does.
        assert connection.delete("Trash")[0] == "OK"
        wait_until(lambda: append(connection, LARGE)[0] == "OK", 60, 1)
    client = davclient.Client(s)
    client.ask(201, "PUT", davclient.home() + "calendar/later.ics",
               davclient.event("later"), Content_Type="text/calendar")
    client.close()
    with smtplib.SMTP("127.0.0.1", s.ports["smtp_port"], timeout=60) as m:
        m.sendmail("x@else.example", [USER], LARGE)
    with imap(s) as connection:
        wait_until(lambda: int(connection.select("INBOX")[1][0]) == 2, 20)
    assert s.cli("check")["verdict"] == "ok"


def main():
    why = server.small_disk(FOLDER / "data", SIZE)
    if why:
        print(f"1..0\nok 1 - full disk # SKIP {why}")
        return 0
    try:
        s = davclient.start(FOLDER, services="imapd smtpd caldavd")
        try:
            return TAP.run(s)
        finally:
            s.stop()
    finally:
        subprocess.run(["umount", str(FOLDER / "data")], check=True)


if __name__ == "__main__":
    sys.exit(main())
