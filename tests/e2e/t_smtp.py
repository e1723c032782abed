#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""Port 25, submission and local delivery, on the whole running server."""
import os
import pathlib
import smtplib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import mailserver
import server

tap = server.Tap()
FROM = "stranger@far.example"


def starts(reply, *codes):
    assert reply.startswith(codes), reply


def refused(code, call, *arguments, **named):
    try:
        call(*arguments, **named)
    except smtplib.SMTPRecipientsRefused as e:
        got = next(iter(e.recipients.values()))[0]
    except smtplib.SMTPResponseException as e:
        got = e.smtp_code
    else:
        raise AssertionError("it was accepted")
    assert got == code, got


@tap.test
def a_message_from_outside_arrives_whole(s):
    body = ("Subject: hello\r\n\r\n..dots\r\n.\r\nlast line\r\n"
            .replace("\r\n.\r\n", "\r\n.one\r\n"))
    with mailserver.outside(s) as c:
        c.sendmail(FROM, "anna@one.example", body)
    text = mailserver.texts(s, "anna@one.example")[-1].decode()
    assert text.endswith(body), text
    head = text[:-len(body)]
    assert head.startswith(f"Return-Path: <{FROM}>\r\nReceived: from "), head
    assert "for <anna@one.example>" in head, head


@tap.test
def ehlo_says_what_is_there(s):
    line = mailserver.Line(s.ports["smtp_port"])
    starts(line.reply(), "220 ")
    said = line.ask("EHLO client.example")
    for word in ("PIPELINING", "SIZE 104857600", "8BITMIME", "SMTPUTF8",
                 "STARTTLS", "ENHANCEDSTATUSCODES"):
        assert word in said, (word, said)
    assert "AUTH" not in said
    line.close()
    line = mailserver.Line(s.ports["submission_port"])
    line.reply()
    assert "AUTH" not in line.ask("EHLO x"), "a login without TLS"
    starts(line.ask("AUTH PLAIN AAAA"), "538")
    starts(line.ask("MAIL FROM:<a@b>"), "530")
    line.close()


@tap.test
def unknown_users_and_domains_are_refused_at_rcpt(s):
    line = mailserver.Line(s.ports["smtp_port"])
    line.reply()
    starts(line.ask("EHLO x.example"), "250")
    starts(line.ask(f"MAIL FROM:<{FROM}>"), "250 2.1.0")
    starts(line.ask("RCPT TO:<nobody@one.example>"), "550 5.1.1")
    starts(line.ask("RCPT TO:<someone@elsewhere.example>"), "550 5.7.1")
    starts(line.ask("DATA"), "554")
    starts(line.ask("RSET"), "250")
    starts(line.ask("QUIT"), "221")
    line.close()


@tap.test
def one_transaction_has_one_tenant(s):
    line = mailserver.Line(s.ports["smtp_port"])
    line.reply()
    line.ask("EHLO x.example")
    line.ask(f"MAIL FROM:<{FROM}>")
    starts(line.ask("RCPT TO:<anna@one.example>"), "250 2.1.5")
    starts(line.ask("RCPT TO:<zoe@two.example>"), "452 4.5.3")
    starts(line.ask("RCPT TO:<ben@one.example>"), "250 2.1.5")
    starts(line.ask("DATA"), "354")
    line.send(b"Subject: both\r\n\r\nx\r\n.\r\n")
    starts(line.reply(), "250 2.0.0")
    # The same connection goes on with the other tenant.
    starts(line.ask(f"MAIL FROM:<{FROM}>"), "250")
    starts(line.ask("RCPT TO:<zoe@two.example>"), "250")
    starts(line.ask("DATA"), "354")
    line.send(b"Subject: other\r\n\r\nx\r\n.\r\n")
    starts(line.reply(), "250")
    line.close()
    for address, subject in (("anna@one.example", b"both"),
                             ("ben@one.example", b"both"),
                             ("zoe@two.example", b"other")):
        assert subject in mailserver.texts(s, address)[-1]


@tap.test
def pipelined_commands_are_answered_in_order(s):
    line = mailserver.Line(s.ports["smtp_port"])
    line.reply()
    line.send(b"EHLO x.example\r\nMAIL FROM:<>\r\n"
              b"RCPT TO:<ben@one.example>\r\nRCPT TO:<no@one.example>\r\n"
              b"DATA\r\nSubject: piped\r\n\r\nx\r\n.\r\nQUIT\r\n")
    got = [line.reply()[:3] for _ in range(7)]
    assert got == ["250", "250", "250", "550", "354", "250", "221"], got
    line.close()
    assert b"Return-Path: <>" in mailserver.texts(s, "ben@one.example")[-1]


@tap.test
def bare_line_ends_are_refused_and_smuggle_nothing(s):
    before = len(mailserver.texts(s, "anna@one.example"))
    for trick in (b"\n.\n", b"\n.\r\n", b"\r.\r\n", b"\r\n.\n", b"x\ny\r\n"):
        line = mailserver.Line(s.ports["smtp_port"])
        line.reply()
        line.ask("EHLO x.example")
        line.ask(f"MAIL FROM:<{FROM}>")
        line.ask("RCPT TO:<anna@one.example>")
        starts(line.ask("DATA"), "354")
        line.send(b"Subject: a\r\n\r\none" + trick +
                  b"MAIL FROM:<evil@far.example>\r\n"
                  b"RCPT TO:<anna@one.example>\r\nDATA\r\nSubject: b\r\n\r\n"
                  b"two\r\n.\r\n")
        starts(line.reply(), "550 5.5.2")
        starts(line.ask("NOOP"), "250")
        line.close()
    assert len(mailserver.texts(s, "anna@one.example")) == before


@tap.test
def starttls_throws_away_what_came_before(s):
    line = mailserver.Line(s.ports["smtp_port"])
    line.reply()
    line.ask("EHLO x.example")
    line.send(b"STARTTLS\r\nMAIL FROM:<injected@far.example>\r\n")
    starts(line.reply(), "220")
    with mailserver.trust().wrap_socket(
            line.socket, server_hostname="localhost") as secure:
        secure.sendall(b"RCPT TO:<anna@one.example>\r\n")
        assert secure.recv(1000).startswith(b"503"), "MAIL was smuggled in"


@tap.test
def a_repeated_delivery_is_filed_once(s):
    before = len(mailserver.texts(s, "ben@one.example"))
    for _ in range(2):
        with mailserver.outside(s) as c:
            c.sendmail(FROM, "ben@one.example", "Message-ID: <r@x>\r\n\r\nx")
    assert len(mailserver.texts(s, "ben@one.example")) == before + 1


@tap.test
def users_send_in_their_own_name(s):
    with mailserver.submission(s, "anna@one.example") as c:
        refused(550, c.sendmail, "ben@one.example", "ben@one.example", "x")
        c.rset()
        c.sendmail("anna@one.example", "ben@one.example",
                   "Subject: own\r\n\r\nx")
    text = mailserver.texts(s, "ben@one.example")[-1]
    for field in (b"\r\nDate: ", b"\r\nMessage-ID: <", b"\r\nFrom: <anna@"):
        assert field in text, text


@tap.test
def a_wrong_password_is_refused(s):
    with smtplib.SMTP("127.0.0.1", s.ports["submission_port"]) as c:
        c.starttls(context=mailserver.trust())
        refused(535, c.login, "anna@one.example", "wrong")


@tap.test
def too_large_is_said_before_it_is_sent(s):
    line = mailserver.Line(s.ports["smtp_port"])
    line.reply()
    line.ask("EHLO x.example")
    starts(line.ask(f"MAIL FROM:<{FROM}> SIZE=999999999999"), "552 5.3.4")
    starts(line.ask(f"MAIL FROM:<{FROM}> FOO=1"), "555")
    starts(line.ask(f"MAIL FROM:<{FROM}> BODY=8BITMIME SIZE=10"), "250")
    starts(line.ask("MAIL FROM:<again@far.example>"), "503")
    starts(line.ask("RCPT TO:<" + "a" * 400 + "@one.example>"), "501")
    starts(line.ask("X" * 20000), "500")
    starts(line.ask("NOOP"), "250")
    line.close()


@tap.test
def a_hundred_hops_are_a_loop(s):
    with mailserver.outside(s) as c:
        refused(554, c.sendmail, FROM, "anna@one.example",
                "Received: from a by b; x\r\n" * 101 + "\r\nx")


@tap.test
def an_idle_client_hears_of_new_mail(s):
    with mailserver.imap(s, "ben@one.example", "INBOX") as connection:
        connection.send(b"i IDLE\r\n")
        connection.readline()
        with mailserver.outside(s) as c:
            c.sendmail(FROM, "ben@one.example", "Subject: now\r\n\r\nx")
        heard = connection.readline()
        assert heard.endswith(b"EXISTS\r\n"), heard
        connection.send(b"DONE\r\n")
        while not connection.readline().startswith(b"i "):
            pass


@tap.test
def mail_survives_kill_9_of_everybody(s):
    with mailserver.outside(s) as c:
        c.sendmail(FROM, "zoe@two.example", "Subject: kept\r\n\r\nx")
    s.kill()
    s.start()
    assert b"Subject: kept" in mailserver.texts(s, "zoe@two.example")[-1]


def main():
    folder = pathlib.Path(os.environ["TEST_DIR"])
    folder.chmod(0o755)
    s = mailserver.start(folder)
    try:
        return tap.run(s)
    finally:
        s.stop()


sys.exit(main())
