#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""EXTERNAL by TLS client certificates, on the whole running server."""
import base64
import os
import pathlib
import signal
import smtplib
import socket
import ssl
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import authority
import mailserver
import server

tap = server.Tap()
ANNA, BEN = "anna@one.example", "ben@one.example"
VERSIONS = (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)


def context(pair=None, version=ssl.TLSVersion.TLSv1_3):
    c = mailserver.trust()
    c.minimum_version = c.maximum_version = version
    if pair:
        c.load_cert_chain(*pair)
    return c


class Imap:
    """A bare dialogue over TLS; `greeting` is its first line."""

    def __init__(self, s, pair=None, version=ssl.TLSVersion.TLSv1_3,
                 session=None, tls=None):
        self.context = tls or context(pair, version)
        raw = socket.create_connection(("127.0.0.1", s.ports["imaps_port"]),
                                       30)
        self.socket = self.context.wrap_socket(raw, session=session)
        self.file = self.socket.makefile("rb")
        self.greeting = self.line()

    def line(self):
        return self.file.readline().decode().rstrip("\r\n")

    def ask(self, line):
        self.socket.sendall(line.encode() + b"\r\n")
        return self.line()

    def external(self, name="", initial=True):
        text = base64.b64encode(name.encode()).decode()
        if initial:
            return self.ask(f"a AUTHENTICATE EXTERNAL {text or '='}")
        said = self.ask("a AUTHENTICATE EXTERNAL")
        assert said == "+ ", said
        return self.ask(text)

    def offers(self):
        return "AUTH=EXTERNAL" in self.greeting

    def close(self):
        self.socket.close()


def signed_in(s, pair, name="", who=ANNA, **named):
    c = Imap(s, pair, **named)
    assert c.offers(), c.greeting
    said = c.external(name)
    assert said.startswith("a OK "), said
    c.ask("b SELECT INBOX")
    c.close()
    row = s.cli("audit", "list", "one.example")["rows"]
    server.wait_until(lambda: any(
        row["action"] == "login" and row["target"].lower() == who
        and row["detail"].endswith(" EXTERNAL")
        for row in s.cli("audit", "list", "one.example")["rows"]))


def not_signed_in(s, pair, name=""):
    """The certificate is good and does not help."""
    c = Imap(s, pair)
    assert c.offers(), c.greeting
    said = c.external(name)
    assert said.startswith("a NO [AUTHENTICATIONFAILED]"), said
    c.close()


def not_offered(s, pair, version=ssl.TLSVersion.TLSv1_3):
    """The connection works, and a password is a way in."""
    c = Imap(s, pair, version)
    assert not c.offers(), c.greeting
    assert c.external(ANNA).startswith("a NO [CANNOT]")
    said = c.ask(f'b LOGIN {ANNA} "{mailserver.USERS[ANNA]}"')
    assert said.startswith("b OK "), said
    c.close()


@tap.test
def the_right_certificate_signs_in(s, ca):
    pair = ca.user("anna", f"email:{ANNA}")
    for version in VERSIONS:
        signed_in(s, pair, version=version)
        signed_in(s, pair, ANNA.upper(), version=version)
    c = Imap(s, pair)
    assert c.external("", initial=False).startswith("a OK ")
    c.close()
    c = Imap(s, pair)
    assert c.external(ANNA, initial=False).startswith("a OK ")
    c.close()


@tap.test
def names_of_a_certificate(s, ca):
    s.cli("alias", "create", ANNA, "aka@one.example")
    signed_in(s, ca.user("alias", "email:aka@one.example"),
              who="aka@one.example")
    both = ca.user("both", f"email:{ANNA}", f"email:{BEN}")
    not_signed_in(s, both)
    signed_in(s, both, BEN, BEN)
    # A smart card's principal name counts when it is asked for.
    card = ca.user("card", authority.UPN + ANNA)
    not_signed_in(s, card)
    signed_in(s, card, ANNA)
    # The subject has her address, too (authority.py): it is nothing.
    for pair in (ca.user("bare"), ca.user("dns", "DNS:one.example")):
        not_signed_in(s, pair)
        not_signed_in(s, pair, ANNA)


@tap.test
def nobody_else_is_let_in(s, ca):
    pair = ca.user("ben", f"email:{BEN}")
    not_signed_in(s, pair, ANNA)
    not_signed_in(s, pair, "nobody@one.example")
    not_signed_in(s, pair, BEN + "\0")
    not_signed_in(s, ca.user("gone", "email:gone@one.example"))
    not_signed_in(s, ca.user("far", "email:far@nowhere.example"))
    s.cli("user", "set", BEN, "--disabled", "yes")
    not_signed_in(s, pair)
    s.cli("user", "set", BEN, "--disabled", "no")
    signed_in(s, pair, who=BEN)


@tap.test
def bad_certificates_are_no_certificates(s, ca):
    other = authority.Authority(s.folder, "other")
    rows = (None, ca.user("old", f"email:{ANNA}", days=-1),
            ca.user("server", f"email:{ANNA}", purpose="serverAuth"),
            other.user("anna", f"email:{ANNA}"))
    for version in VERSIONS:
        for pair in rows:
            not_offered(s, pair, version)


@tap.test
def it_can_be_given_up(s, ca):
    c = Imap(s, (ca.folder / "anna.pem", ca.folder / "anna.key"))
    assert c.ask("a AUTHENTICATE EXTERNAL") == "+ "
    assert c.ask("*").startswith("a BAD ")
    assert c.external().startswith("a OK ")
    c.close()


@tap.test
def it_outlives_a_session(s, ca):
    """RFC 8437 4.2: the certificate is of the connection."""
    c = Imap(s, (ca.folder / "both.pem", ca.folder / "both.key"))
    for name in (ANNA, BEN, ANNA):
        assert c.external(name).startswith("a OK "), name
        assert c.ask("b UNAUTHENTICATE") == "b OK Signed out"
    assert " AUTH=EXTERNAL " in c.ask("c CAPABILITY")
    c.close()


@tap.test
def starttls_asks_as_well(s, ca):
    pair = (ca.folder / "anna.pem", ca.folder / "anna.key")
    raw = socket.create_connection(("127.0.0.1", s.ports["imap_port"]), 30)
    assert b"EXTERNAL" not in raw.recv(4096)
    raw.sendall(b"a STARTTLS\r\n")
    assert raw.recv(4096).startswith(b"a OK ")
    with context(pair).wrap_socket(raw) as c:
        c.sendall(b"b CAPABILITY\r\n")
        assert b" AUTH=EXTERNAL " in c.recv(4096)
        c.sendall(b"c AUTHENTICATE EXTERNAL =\r\n")
        assert c.recv(4096).rsplit(b"\r\n", 2)[-2].startswith(b"c OK ")


def resumed(s, first, session):
    """A connection that offers `session`; is it taken?"""
    c = Imap(s, session=session, tls=first.context)
    return c, c.socket.session_reused


@tap.test
def no_identity_lives_in_a_ticket(s, ca):
    pair = (ca.folder / "anna.pem", ca.folder / "anna.key")
    for version in VERSIONS:
        # Without a certificate sessions are resumed, and stay without.
        first = Imap(s, None, version)
        assert first.ask("a NOOP").startswith("a OK")
        session = first.socket.session
        c, again = resumed(s, first, session)
        assert again and not c.offers(), (version, again, c.greeting)
        c.close()
        # The same ticket by who has a certificate: nobody proved a key.
        first.context.load_cert_chain(*pair)
        c, again = resumed(s, first, session)
        assert c.offers() != again, (version, again, c.greeting)
        c.close()
        first.close()
        # With one there is no ticket, each time the whole proof.
        first = Imap(s, pair, version)
        assert first.ask("a NOOP").startswith("a OK")
        session = first.socket.session
        assert not (session and session.has_ticket), version
        c, again = resumed(s, first, session)
        assert not again and c.offers(), (version, again, c.greeting)
        assert c.external().startswith("a OK ")
        c.close()
        first.close()


@tap.test
def submission_takes_it(s, ca):
    pair = (ca.folder / "anna.pem", ca.folder / "anna.key")
    with smtplib.SMTP_SSL("127.0.0.1", s.ports["submissions_port"],
                          context=context(pair)) as c:
        c.ehlo()
        assert "EXTERNAL" in c.esmtp_features["auth"].split()
        other = base64.b64encode(BEN.encode()).decode()
        assert c.docmd("AUTH", f"EXTERNAL {other}")[0] == 535
        assert c.docmd("AUTH", "EXTERNAL") == (334, b"")
        assert c.docmd("*")[0] == 501
        assert c.docmd("AUTH", "EXTERNAL =")[0] == 235
        c.sendmail(ANNA, BEN, "Subject: by certificate\r\n\r\nx\r\n")
    with smtplib.SMTP("127.0.0.1", s.ports["submission_port"]) as c:
        c.starttls(context=context(pair))
        c.ehlo()
        assert c.docmd("AUTH", "EXTERNAL") == (334, b"")
        assert c.docmd(base64.b64encode(ANNA.encode()).decode())[0] == 235
    with smtplib.SMTP_SSL("127.0.0.1", s.ports["submissions_port"],
                          context=context()) as c:
        c.ehlo()
        assert "EXTERNAL" not in c.esmtp_features["auth"].split()
        assert c.docmd("AUTH", "EXTERNAL =")[0] == 504


@tap.test
def who_is_revoked_is_out(s, ca):
    anna = (ca.folder / "anna.pem", ca.folder / "anna.key")
    ben = (ca.folder / "ben.pem", ca.folder / "ben.key")
    path = s.settings["tls_client_crl"]
    c = Imap(s, anna)
    assert c.offers()
    c.close()
    ca.revoke(anna[0])
    ca.revoked(path)
    s.process.send_signal(signal.SIGHUP)
    server.wait_until(lambda: "certificates-read err=ok" in s.log())
    server.wait_until(lambda: not Imap(s, anna).offers())
    not_offered(s, anna)
    signed_in(s, ben, who=BEN)


@tap.test
def it_is_off_unless_configured(s, ca):
    s.stop()
    for name in ("tls_client_ca", "tls_client_crl"):
        del s.settings[name]
    s.start()
    not_offered(s, (ca.folder / "ben.pem", ca.folder / "ben.key"))


@tap.test
def a_broken_file_is_told(s, ca):
    s.stop()
    path = s.folder / "broken.pem"
    path.write_text("-----BEGIN CERTIFICATE-----\nAAAA\n")
    s.settings["tls_client_ca"] = path
    s.start()
    server.wait_until(lambda: "certificates-refused" in s.log_since())


def main():
    folder = pathlib.Path(os.environ["TEST_DIR"])
    ca = authority.Authority(folder, "authority")
    ca.revoked(folder / "revoked.pem")
    # A ticket is good at the process that gave it.
    s = mailserver.start(folder, tls_client_ca=ca.cert, login_delay_ms=50,
                         fronts=1,
                         login_account_burst=0, login_source_burst=0,
                         tls_client_crl=folder / "revoked.pem")
    try:
        return tap.run(s, ca)
    finally:
        s.stop()


sys.exit(main())
