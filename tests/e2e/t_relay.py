#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""Outgoing mail with the real daemons: a user submits, relayd sends to a
server of the test, bounces come back into the INBOX, and what waits survives
whoever is killed."""
import email
import email.policy
import imaplib
import os
import pathlib
import signal
import smtplib
import ssl
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from server import (BUILD, Server, Tap, certificate, free_ports,  # noqa: E402
                    wait_until)
from sink import Dns, Sink  # noqa: E402

FOLDER = pathlib.Path(os.environ.get("TEST_DIR", "/tmp"))
PROGRAMS = {"imapd": BUILD / "imapd/imapd", "smtpd": BUILD / "smtpd/smtpd",
            "relayd": BUILD / "smtpd/relayd"}
TAP = Tap()
TEXT = "From: ann@a.example\r\nSubject: hello\r\n\r\n.dot\r\nbye\r\n"


def server_at(name, **settings):
    folder = FOLDER / name
    folder.mkdir()
    smtp, submission = free_ports(2)
    server = Server(folder, programs=PROGRAMS, settings={
        "services": "imapd smtpd relayd", "smtp_port": smtp,
        "submission_port": submission, "retry_first_s": 1, **settings})
    server.ports.update(smtp_port=smtp, submission_port=submission)
    server.start()
    server.cli("tenant", "create", "a.example")
    server.cli("user", "create", "ann@a.example", password="pass a")
    return server


def context(server):
    return ssl.create_default_context(cafile=str(server.folder / "cert.pem"))


def submit(server, to, text=TEXT, sender="ann@a.example", options=()):
    with smtplib.SMTP("localhost", server.ports["submission_port"],
                      local_hostname="client.example", timeout=30) as client:
        client.starttls(context=context(server))
        client.login("ann@a.example", "pass a")
        client.sendmail(sender, to, text, mail_options=options)


def inbox(server, user="ann@a.example", password="pass a"):
    """The messages of the INBOX, parsed."""
    client = imaplib.IMAP4_SSL("localhost", server.ports["imaps_port"],
                               ssl_context=context(server), timeout=30)
    client.login(user, password)
    client.select("INBOX", readonly=True)
    numbers = client.search(None, "ALL")[1][0].split()
    found = [client.fetch(number, "(BODY.PEEK[])")[1][0][1]
             for number in numbers]
    client.logout()
    return [email.message_from_bytes(raw, policy=email.policy.SMTPUTF8)
            for raw in found]


def queue(server):
    return server.cli("queue", "list", "a.example")["rows"]


def pid_of(server, program):
    return [row["pid"] for row in server.cli("health", "show")["rows"]
            if row["program"] == program][0]


def new_bounce(server, before):
    return wait_until(lambda: inbox(server)[before:], 20, 0.2)[0]


def settled(server):
    wait_until(lambda: not queue(server), 20, 0.1)


SINK = Sink(extensions=["8BITMIME", "SIZE 1000000"])


@TAP.test
def a_message_reaches_the_smarthost(server):
    submit(server, ["bob@b.example", "eve@c.example", "eva@c.example"])
    wait_until(lambda: len(SINK.messages) == 2)
    settled(server)
    got = {tuple(m.rcpt): m for m in SINK.messages}
    assert set(got) == {("bob@b.example",),
                        ("eve@c.example", "eva@c.example")}, got.keys()
    body = got[("bob@b.example",)].body
    assert body.endswith(b"\r\n\r\n.dot\r\nbye\r\n"), body
    assert body.startswith(b"Received: "), body
    assert b"\r\nReturn-Path" not in body
    assert got[("bob@b.example",)].mail.startswith("FROM:<ann@a.example> SIZE=")
    assert not inbox(server), "a bounce without a reason"


@TAP.test
def large_mail_is_whole(server):
    SINK.messages.clear()
    line = "." + "x" * 70 + "\r\n"
    text = TEXT + line * 10000
    submit(server, ["bob@b.example"], text)
    wait_until(lambda: SINK.messages)
    body = SINK.messages[0].body.decode()
    assert body.endswith(text), "altered"
    settled(server)


@TAP.test
def later_means_again(server):
    SINK.messages.clear()
    times = []

    def answer(verb, argument):
        if verb == "RCPT":
            times.append(time.monotonic())
            if len(times) < 3:
                return "451 4.7.1 Greylisted"
        return None
    SINK.answer = answer
    submit(server, ["bob@b.example"])
    row = wait_until(lambda: [r for r in queue(server) if r["tries"] == 1])[0]
    assert row["status"] == "127.0.0.1: 451 4.7.1 Greylisted", row
    assert row["state"] == "waiting", row
    wait_until(lambda: SINK.messages)
    settled(server)
    SINK.answer = None
    first, second = times[1] - times[0], times[2] - times[1]
    assert 0.9 < first < 3 and 2.5 < second < 7, (first, second)
    assert not inbox(server)


@TAP.test
def never_comes_back_as_a_bounce(server):
    before = len(inbox(server))
    SINK.messages.clear()
    SINK.answer = lambda verb, argument: (
        "550 5.1.1 No such user" if verb == "RCPT" and "bad" in argument
        else None)
    submit(server, ["bad@b.example", "good@b.example"])
    wait_until(lambda: SINK.messages)
    assert SINK.messages[0].rcpt == ["good@b.example"]
    bounce = new_bounce(server, before)
    SINK.answer = None
    assert bounce["To"] == "ann@a.example", bounce["To"]
    assert bounce["Return-Path"] == "<>"
    assert bounce["Auto-Submitted"] == "auto-replied"
    assert bounce.get_content_type() == "multipart/report"
    assert bounce.get_param("report-type") == "delivery-status"
    words, status, header = bounce.iter_parts()
    assert "bad@b.example" in words.get_content()
    assert "good@b.example" not in words.get_content()
    fields = status.get_payload()
    assert fields[0]["Reporting-MTA"] == "dns; localhost", fields[0].items()
    assert fields[1]["Final-Recipient"] == "rfc822; bad@b.example"
    assert fields[1]["Action"] == "failed"
    assert fields[1]["Status"] == "5.1.1"
    assert fields[1]["Diagnostic-Code"] == "smtp; 550 No such user"
    assert len(fields) == 2, "the good one is reported too"
    assert header.get_content_type() == "text/rfc822-headers"
    kept = header.get_payload()
    assert "Subject: hello" in kept and "bye" not in kept, kept
    settled(server)


@TAP.test
def a_null_sender_gets_no_bounce(server):
    """And the same mail with a sender does: the control."""
    before = len(inbox(server))
    SINK.answer = lambda verb, argument: (
        "550 5.1.1 No such user" if verb == "RCPT" else None)
    submit(server, ["bad@b.example"], sender="")
    settled(server)
    assert len(inbox(server)) == before
    submit(server, ["bad@b.example"])
    new_bounce(server, before)
    SINK.answer = None
    settled(server)


@TAP.test
def what_the_server_cannot_take_is_not_sent(server):
    before = len(inbox(server))
    SINK.messages.clear()
    utf8 = TEXT.replace("hello", "h\u00e9llo").encode()
    submit(server, ["bob@b.example"], utf8, options=["SMTPUTF8",
                                                     "BODY=8BITMIME"])
    bounce = new_bounce(server, before)
    status = list(bounce.iter_parts())[1]
    assert status.get_content_type() == "message/global-delivery-status"
    assert "Status: 5.6.7" in str(status), str(status)
    # ASCII only, though the client said SMTPUTF8.
    submit(server, ["bob@b.example"], options=["SMTPUTF8"])
    wait_until(lambda: SINK.messages)
    assert "SMTPUTF8" not in SINK.messages[0].mail
    submit(server, ["bob@b.example"], TEXT + "x" * 70 + "\r\n" +
           ("y" * 70 + "\r\n") * 15000)
    bounce = new_bounce(server, before + 1)
    assert "Status: 5.3.4" in str(bounce)
    SINK.extensions.append("SMTPUTF8")
    SINK.messages.clear()
    submit(server, ["bob@b.example"], utf8, options=["SMTPUTF8",
                                                     "BODY=8BITMIME"])
    wait_until(lambda: SINK.messages)
    assert SINK.messages[0].mail.endswith(" BODY=8BITMIME SMTPUTF8")
    assert "h\u00e9llo".encode() in SINK.messages[0].body
    settled(server)


@TAP.test
def tls_when_the_server_has_it(server):
    SINK.messages.clear()
    SINK.certificate = certificate(server.folder)
    submit(server, ["bob@b.example"])
    wait_until(lambda: SINK.messages)
    assert SINK.messages[0].tls
    # A handshake that fails is no reason to keep the mail (RFC 7435).
    SINK.messages.clear()
    bad = server.folder / "not-a-certificate"
    SINK.certificate = (bad, bad)
    submit(server, ["bob@b.example"])
    wait_until(lambda: SINK.messages)
    assert not SINK.messages[0].tls
    SINK.certificate = None
    settled(server)


@TAP.test
def expired_mail_comes_back(server):
    other = server_at("expire", smarthost=f"127.0.0.1:{SINK.port}",
                      queue_life_s=4)
    SINK.answer = lambda verb, argument: (
        "451 4.7.1 Not now" if verb == "RCPT" else None)
    try:
        submit(other, ["bob@b.example"])
        bounce = new_bounce(other, 0)
        assert "Status: 5.4.7" in str(bounce), str(bounce)
        assert "451 Not now" in str(bounce)
        assert not queue(other)
    finally:
        SINK.answer = None
        other.stop()


@TAP.test
def an_administrator_sees_and_moves_the_queue(server):
    before = len(inbox(server))
    SINK.messages.clear()
    SINK.answer = lambda verb, argument: (
        "451 4.7.1 Not now" if verb == "RCPT" else None)
    submit(server, ["bob@b.example", "eve@c.example"])
    rows = wait_until(lambda: [r for r in queue(server) if r["tries"] > 2]
                      [1:] and queue(server), 30, 0.2)
    assert {r["to"] for r in rows} == {"bob@b.example", "eve@c.example"}
    assert all(r["from"] == "ann@a.example" for r in rows)
    one, two = rows
    shown = server.cli("queue", "show", "a.example", str(one["id"]))
    assert shown["to"] == one["to"]
    server.cli("queue", "delete", "a.example", str(one["id"]))
    SINK.answer = None
    # Its own time is 12 s away.
    start = time.monotonic()
    server.cli("queue", "retry", "a.example", str(two["id"]))
    wait_until(lambda: SINK.messages, 5)
    assert time.monotonic() - start < 5
    settled(server)
    assert [m.rcpt for m in SINK.messages] == [[two["to"]]]
    assert len(inbox(server)) == before, "deleting makes no bounce"


def killed(server, program):
    """kill -9 while the server has the message and has not said 250: it is
    sent again, and the queue is empty in the end."""
    SINK.messages.clear()
    ended, reached, release = [], threading.Event(), threading.Event()

    def answer(verb, argument):
        if verb == "END":
            ended.append(time.monotonic())
            if len(ended) == 1:
                reached.set()
                release.wait(60)
                return ""  # nobody is there to hear it
        return None
    SINK.answer = answer
    submit(server, ["bob@b.example"], TEXT + "x" * 60 + "\r\n")
    assert reached.wait(20)
    assert queue(server)[0]["state"] == "sending"
    os.kill(pid_of(server, program), signal.SIGKILL)
    wait_until(lambda: len(ended) == 2, 20)
    wait_until(lambda: SINK.messages)
    release.set()
    SINK.answer = None
    settled(server)
    assert b"\r\n.dot\r\nbye\r\n" in SINK.messages[-1].body


@TAP.test
def relayd_is_killed_while_it_sends(server):
    killed(server, "relayd")


@TAP.test
def tenantd_is_killed_while_it_sends(server):
    killed(server, "tenantd")


@TAP.test
def the_queue_survives_everybody(server):
    """Stopped in order, then bastided killed: nobody signs in, the mail goes
    all the same."""
    for stop in (server.stop, server.kill):
        SINK.messages.clear()
        SINK.answer = lambda verb, argument: (
            "421 4.3.2 Not now" if verb == "CONNECT" else None)
        submit(server, ["bob@b.example"])
        wait_until(lambda: [r for r in queue(server) if r["tries"] > 0])
        # The table of the router is written a moment later.
        time.sleep(1)
        stop()
        SINK.answer = None
        assert not SINK.messages
        server.start()
        wait_until(lambda: SINK.messages, 20)
        settled(server)


@TAP.test
def a_sleeping_tenant_is_woken_for_its_mail(server):
    other = server_at("sleep", smarthost=f"127.0.0.1:{SINK.port}",
                      retry_first_s=8, tenant_idle=1)
    SINK.messages.clear()
    SINK.answer = lambda verb, argument: (
        "451 4.7.1 Not now" if verb == "RCPT" else None)
    try:
        submit(other, ["bob@b.example"])
        wait_until(lambda: other.state("a.example") == "asleep", 8)
        assert not SINK.messages
        SINK.answer = None
        wait_until(lambda: SINK.messages, 20)
        wait_until(lambda: other.state("a.example") == "asleep", 8)
        assert not queue(other)
    finally:
        SINK.answer = None
        other.stop()


@TAP.test
def an_unproven_smarthost_gets_nothing(server):
    """Verified: a certificate of another authority gets nothing; no TLS gets
    nothing."""
    folder = FOLDER / "verified"
    folder.mkdir()
    good = certificate(folder)
    evil = FOLDER / "evil"
    evil.mkdir()
    sink = Sink(certificate=certificate(evil))
    other = server_at("verify", smarthost=f"127.0.0.1:{sink.port}",
                      smarthost_tls="yes", ca_file=good[0])
    try:
        submit(other, ["bob@b.example"])
        row = wait_until(lambda: [r for r in queue(other)
                                  if r["tries"] == 1])[0]
        assert "TLS handshake failed" in row["status"], row
        sink.certificate = None
        row = wait_until(lambda: [r for r in queue(other)
                                  if r["tries"] == 2], 20)[0]
        assert "offers no TLS" in row["status"], row
        assert not [line for line in sink.seen if "MAIL" in line]
        # Its own certificate, from an authority that only root may read.
        sink.certificate = good
        other.cli("queue", "retry", "a.example", str(row["id"]))
        wait_until(lambda: sink.messages)
        assert sink.messages[0].tls
    finally:
        other.stop()
        sink.close()


@TAP.test
def by_mx(server):
    """MX in order, implicit MX, null MX, no such domain, and no way to private
    addresses but by relay_private."""
    sink = Sink()
    zone = {("m.example", "MX"): [(20, "two.example"), (10, "one.example")],
            ("one.example", "A"): ["127.9.9.9"],
            ("two.example", "A"): ["127.0.0.1"],
            ("implicit.example", "A"): ["127.0.0.1"],
            ("null.example", "MX"): [(0, "")],
            ("broken.example", "MX"): None}
    dns = Dns(zone)
    other = server_at("mx", relay_port=sink.port, relay_private="yes",
                      resolver=f"127.0.0.1@{dns.port}")
    try:
        submit(other, ["x@m.example"])
        wait_until(lambda: sink.messages, 20)
        submit(other, ["y@implicit.example"])
        wait_until(lambda: len(sink.messages) == 2, 20)
        assert [m.rcpt for m in sink.messages] == [
            ["x@m.example"], ["y@implicit.example"]]
        submit(other, ["z@null.example"])
        assert "Status: 5.1.10" in str(new_bounce(other, 0))
        submit(other, ["z@nowhere.example"])
        assert "Status: 5.1.2" in str(new_bounce(other, 1))
        submit(other, ["z@broken.example"])
        row = wait_until(lambda: [r for r in queue(other)
                                  if r["tries"] == 1], 30)[0]
        assert "4.4.3" in row["status"], row
        other.cli("queue", "delete", "a.example", str(row["id"]))
    finally:
        other.stop()
    strict = server_at("mx-strict", relay_port=sink.port,
                       resolver=f"127.0.0.1@{dns.port}")
    try:
        submit(strict, ["x@m.example"])
        assert "Status: 5.4.4" in str(new_bounce(strict, 0))
        assert len(sink.messages) == 2
    finally:
        strict.stop()
        sink.close()


@TAP.test
def another_tenant_of_this_server(server):
    """Neither smarthost nor MX: our own port 25."""
    server.cli("tenant", "create", "b2.example")
    server.cli("user", "create", "bob@b2.example", password="pass b")
    SINK.messages.clear()
    submit(server, ["bob@b2.example"])
    got = wait_until(lambda: inbox(server, "bob@b2.example", "pass b"), 20,
                     0.2)[0]
    assert got["Return-Path"] == "<ann@a.example>"
    assert got["Subject"] == "hello"
    assert not SINK.messages
    settled(server)


def main():
    server = server_at("relay", smarthost=f"127.0.0.1:{SINK.port}")
    try:
        return TAP.run(server)
    finally:
        server.stop()


if __name__ == "__main__":
    sys.exit(main())
