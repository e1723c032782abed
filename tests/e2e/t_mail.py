#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""A message's way through the real processes, inside their walls: port 25,
IMAP, submission, with Python's own clients."""
# proves: SASL-IR
import base64
import imaplib
import os
import pathlib
import smtplib
import socket
import ssl
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from server import Failed, Server, Tap, wait_until  # noqa: E402

FOLDER = pathlib.Path(os.environ.get("TEST_DIR", "/tmp"))
TAP = Tap()


def tls(server):
    return ssl.create_default_context(cafile=str(server.folder / "cert.pem"))


def imap(server, user, password):
    client = imaplib.IMAP4_SSL("localhost", server.ports["imaps_port"],
                               ssl_context=tls(server), timeout=30)
    client.login(user, password)
    return client


def subjects(client, mailbox="INBOX"):
    client.select(mailbox)
    got = client.fetch("1:*", "(BODY.PEEK[HEADER.FIELDS (SUBJECT)])")[1]
    return [part[1].decode().strip() for part in got
            if isinstance(part, tuple)]


@TAP.test
def mail_from_outside_is_read_by_imap(server):
    server.cli("tenant", "create", "a.example")
    server.cli("user", "create", "ann@a.example", password="pass a")
    server.cli("user", "create", "ben@a.example", password="pass b")
    with smtplib.SMTP("127.0.0.1", server.ports["smtp_port"], timeout=30) as m:
        m.starttls(context=tls(server))
        m.sendmail("x@else.example", ["ann@a.example"],
                   "Subject: from outside\r\n\r\n"
                   "=?iso-8859-15?Q?=A4?= text\r\n")
    client = imap(server, "ann@a.example", "pass a")
    assert subjects(client) == ["Subject: from outside"]
    client.logout()


@TAP.test
def the_first_message_comes_with_the_command(server):
    """SASL-IR (RFC 4959 3), also the empty one, which is "="."""
    word = base64.b64encode(b"\0ann@a.example\0pass a").decode()
    for command, answers in (
            (f"AUTHENTICATE PLAIN {word}", ["x OK"]),
            ("AUTHENTICATE PLAIN =", ["x NO"]),
            ("AUTHENTICATE PLAIN", ["+ ", "x OK"]),
            ("AUTHENTICATE PLAIN not base64!", ["x BAD"])):
        with socket.create_connection(
                ("localhost", server.ports["imaps_port"]), 30) as plain, \
                tls(server).wrap_socket(
                    plain, server_hostname="localhost") as secured, \
                secured.makefile("rwb", 0) as client:
            assert b"SASL-IR" in client.readline()
            client.write(b"x " + command.encode() + b"\r\n")
            for answer in answers:
                line = client.readline().decode()
                assert line.startswith(answer), (command, line)
                if answer == "+ ":
                    client.write(word.encode() + b"\r\n")


@TAP.test
def unknown_recipients_and_relaying_are_refused(server):
    with smtplib.SMTP("127.0.0.1", server.ports["smtp_port"], timeout=30) as m:
        for address in ("nobody@a.example", "someone@else.example"):
            try:
                m.sendmail("x@else.example", [address], "Subject: no\r\n\r\n")
                raise AssertionError(f"{address} was taken")
            except smtplib.SMTPRecipientsRefused as e:
                assert e.recipients[address][0] == 550, e.recipients


@TAP.test
def a_user_submits_to_another(server):
    with smtplib.SMTP_SSL("localhost", server.ports["submissions_port"],
                          context=tls(server), timeout=30) as m:
        try:
            m.login("ann@a.example", "wrong")
            raise AssertionError("a wrong password was taken")
        except smtplib.SMTPAuthenticationError:
            pass
        m.login("ann@a.example", "pass a")
        m.sendmail("ann@a.example", ["ben@a.example"],
                   "From: ann@a.example\r\nSubject: for Ben\r\n\r\nhello\r\n")
    client = imap(server, "ben@a.example", "pass b")
    wait_until(lambda: subjects(client) == ["Subject: for Ben"])
    client.logout()


@TAP.test
def text_is_found_wherever_it_lies(server):
    """Messages below, at and above the 64 KiB that are read at once."""
    head = "Subject: {}\r\nContent-Type: text/plain\r\n\r\n"
    client = imap(server, "ben@a.example", "pass b")
    client.create("Long")
    client.select("Long")
    places = [(size, at) for size in (65536, 65537, 300000)
              for at in (200, 65536 - 5, size - 30) if at < size - 20]
    for k, (size, at) in enumerate(places):
        text = head.format(f"head{k}k")
        while len(text) < at:
            text += "w" * min(70, at - len(text)) + "\r\n" * (
                at - len(text) > 72)
        text += f"Needle{k}K\r\n"
        while len(text) < size - 2:
            text += "w" * min(70, size - 2 - len(text)) + "\r\n" * (
                size - 2 - len(text) > 74)
        text += "\r\n"
        client.append("Long", "", None, text.encode())
    for k in range(len(places)):
        for key, found in (("BODY", f"needle{k}k"), ("TEXT", f"HEAD{k}K"),
                           ("TEXT", f"edle{k}k")):
            got = client.search(None, key, found)[1][0].decode()
            assert got == str(k + 1), (places[k], key, got)
        assert client.search(None, "BODY", f"head{k}k")[1][0] == b""
    client.logout()


@TAP.test
def capabilities_can_be_hidden_from_a_user(server):
    address = "ben@a.example"
    server.cli("user", "set", address, "--imap-without", "UIDONLY,IDLE")
    try:
        server.cli("user", "set", address, "--imap-without", "UIDONLY,FLYING")
        raise AssertionError("hid what does not exist")
    except Failed:
        pass
    for who, seen in ((address, False), ("ann@a.example", True)):
        client = imap(server, who, "pass " + who[0])
        words = client.capability()[1][0].split()
        assert b"QRESYNC" in words, words
        for name in (b"UIDONLY", b"IDLE"):
            assert (name in words) == seen, (name, words)
        client.enable("UIDONLY QRESYNC")
        client.select()
        status = client.uid("FETCH", "1:*", "FLAGS")[0]
        assert status == "OK", status
        try:
            client.fetch("1:*", "FLAGS")
            refused = False
        except imaplib.IMAP4.error as e:
            refused = "UIDREQUIRED" in str(e)
        assert refused == seen, who
        client.logout()
    server.cli("user", "set", address, "--imap-without", "")


@TAP.test
def nothing_but_starttls_before_tls(server):
    """No password is asked for in clear, and none that came is looked at."""
    client = imaplib.IMAP4("localhost", server.ports["imap_port"], timeout=30)
    words = client.capability()[1][0].split()
    assert b"STARTTLS" in words and b"LOGINDISABLED" in words, words
    assert not any(word.startswith(b"AUTH=") for word in words), words
    for command in ("LOGIN ann@a.example pass", "AUTHENTICATE PLAIN AGEAYg==",
                    "AUTHENTICATE SCRAM-SHA-256"):
        client.send(f"x1 {command}\r\n".encode())
        line = client.readline()
        assert line.startswith(b"x1 NO [PRIVACYREQUIRED] "), line
    client.starttls(tls(server))
    words = client.capability()[1][0].split()
    assert b"AUTH=PLAIN" in words and b"STARTTLS" not in words, words
    client.logout()


@TAP.test
def a_language_chosen_before_the_login_stays(server):
    client = imaplib.IMAP4_SSL("localhost", server.ports["imaps_port"],
                               ssl_context=tls(server), timeout=30)
    assert client.xatom("LANGUAGE", "fr-CA")[0] == "OK"
    try:
        client.login("ann@a.example", "wrong")
        raise AssertionError("signed in")
    except imaplib.IMAP4.error as e:
        assert "erron\u00e9".encode() in e.args[0], e
    done = client.login("ann@a.example", "pass a")
    assert "Connect\u00e9".encode() in done[1][0], done
    client.logout()


@TAP.test
def it_survives_a_restart(server):
    assert server.stop() == 0
    server.start()
    client = imap(server, "ann@a.example", "pass a")
    assert subjects(client) == ["Subject: from outside"]
    client.append("INBOX", "", None, b"Subject: appended\r\n\r\nx\r\n")
    client.logout()
    server.kill()
    server.start()
    client = imap(server, "ann@a.example", "pass a")
    assert subjects(client)[-1] == "Subject: appended"
    client.logout()


if __name__ == "__main__":
    with Server(FOLDER) as main:
        status = TAP.run(main)
    sys.exit(status)
