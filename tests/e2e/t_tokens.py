#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""OAUTHBEARER and XOAUTH2 on the whole running server, IMAP and submission."""
import base64
import imaplib
import json
import os
import pathlib
import signal
import smtplib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import mailserver
import server
import tokens

tap = server.Tap()
ANNA, BEN = "anna@one.example", "ben@one.example"
MESSAGES = {"OAUTHBEARER": tokens.bearer, "XOAUTH2": tokens.google}
STATUS = {"OAUTHBEARER": "invalid_token", "XOAUTH2": "401"}
# What the client answers to a refusal (RFC 7628 3.2.3, Google's page).
DUMMY = {"OAUTHBEARER": b"\1", "XOAUTH2": b""}


class Imap:
    """A bare dialogue over TLS."""

    def __init__(self, s):
        self.c = imaplib.IMAP4_SSL("127.0.0.1", s.ports["imaps_port"],
                                   ssl_context=mailserver.trust(), timeout=30)

    def ask(self, line):
        self.c.send(line.encode() + b"\r\n")
        return self.c.readline().decode().rstrip("\r\n")

    def auth(self, mechanism, message, initial=True):
        """The reply to the whole message."""
        text = base64.b64encode(message).decode()
        if initial:
            return self.ask(f"a AUTHENTICATE {mechanism} {text}")
        said = self.ask(f"a AUTHENTICATE {mechanism}")
        assert said == "+ ", said
        return self.ask(text)

    def close(self):
        self.c.shutdown()


def refusal(said, mechanism):
    assert said[:2] in ("+ ", "33"), said
    told = json.loads(base64.b64decode(said.split(" ")[1]))
    assert told["status"] == STATUS[mechanism], told
    assert told["scope"] == "mail", told


def refused(s, mechanism, message):
    """By IMAP: the reason, then NO."""
    c = Imap(s)
    refusal(c.auth(mechanism, message), mechanism)
    said = c.ask(base64.b64encode(DUMMY[mechanism]).decode())
    assert said.startswith("a NO [AUTHENTICATIONFAILED] "), said
    # The connection may try again.
    assert c.ask("b NOOP").startswith("b OK"), "gone"
    c.close()


def signed_in(s, mechanism, message, initial=True):
    c = Imap(s)
    said = c.auth(mechanism, message, initial)
    assert said.startswith("a OK "), said
    assert c.ask("b SELECT INBOX").startswith("* "), "no session"
    c.close()


@tap.test
def they_are_offered(s, keys):
    c = Imap(s)
    said = c.ask("a CAPABILITY")
    for name in MESSAGES:
        assert f"AUTH={name}" in said.split(" "), said
    c.close()
    with smtplib.SMTP("127.0.0.1", s.ports["submission_port"]) as c:
        c.starttls(context=mailserver.trust())
        c.ehlo()
        for name in MESSAGES:
            assert name in c.esmtp_features["auth"].split(), name


@tap.test
def a_good_token_signs_in(s, keys):
    for mechanism, message in MESSAGES.items():
        for key in keys:
            for initial in (True, False):
                signed_in(s, mechanism, message(ANNA, key.token(ANNA)),
                          initial)
    # Names are compared as the directory does.
    signed_in(s, "XOAUTH2", tokens.google("Anna@ONE.example",
                                          keys[0].token("aNNA@one.Example")))


@tap.test
def submission_takes_them(s, keys):
    for mechanism, message in MESSAGES.items():
        for initial in (True, False):
            good = message(ANNA, keys[0].token(ANNA))
            with smtplib.SMTP_SSL("127.0.0.1", s.ports["submissions_port"],
                                  context=mailserver.trust()) as c:
                c.ehlo()
                text = base64.b64encode(good).decode()
                if initial:
                    code, said = c.docmd("AUTH", f"{mechanism} {text}")
                else:
                    assert c.docmd("AUTH", mechanism) == (334, b"")
                    code, said = c.docmd(text)
                assert code == 235, (code, said)
                c.sendmail(ANNA, BEN, "Subject: by token\r\n\r\nx\r\n")
            bad = message(BEN, keys[0].token(ANNA))
            with smtplib.SMTP_SSL("127.0.0.1", s.ports["submissions_port"],
                                  context=mailserver.trust()) as c:
                c.ehlo()
                text = base64.b64encode(bad).decode()
                code, said = c.docmd("AUTH", f"{mechanism} {text}")
                refusal(f"{code} {said.decode()}", mechanism)
                code, said = c.docmd(
                    base64.b64encode(DUMMY[mechanism]).decode())
                assert code == 535, (code, said)
                assert c.docmd("MAIL", f"FROM:<{ANNA}>")[0] == 530


@tap.test
def wrong_tokens_are_refused(s, keys):
    key = keys[0]
    good = key.token(ANNA)
    other = tokens.Key(s.folder, "EdDSA", "k1-other")
    other.kid = key.kid
    rows = {
        "somebody else's": key.token(BEN),
        "expired": key.token(ANNA, exp=1),
        "for ever": key.token(ANNA, exp=None),
        "another issuer": key.token(ANNA, iss="https://evil.example"),
        "another audience": key.token(ANNA, aud="else"),
        "another scope": key.token(ANNA, scope="calendar"),
        "another key": other.token(ANNA),
        "changed": good[:-8] + ("A" if good[-8] != "A" else "B") + good[-7:],
        "critical": key.token(ANNA, header={"crit": ["exp"]}),
        "no signature": good.rsplit(".", 1)[0] + ".",
        "no token": "x",
    }
    for name, token in rows.items():
        try:
            refused(s, "OAUTHBEARER", tokens.bearer(ANNA, token))
        except AssertionError as e:
            raise AssertionError(f"{name}: {e}") from e
    assert "reason=expired" in s.log() and "reason=issuer" in s.log()
    assert good not in s.log()
    # Who does not exist looks the same.
    refused(s, "XOAUTH2", tokens.google("nobody@one.example", good))
    refused(s, "OAUTHBEARER", tokens.bearer("nobody@nowhere.example", good))


@tap.test
def what_is_no_message_is_refused(s, keys):
    for mechanism in MESSAGES:
        for message in (b"", b"\1", b"n,,\1auth=Bearer x\1\1", b"user=\1\1"):
            c = Imap(s)
            text = base64.b64encode(message).decode() or "="
            said = c.ask(f"a AUTHENTICATE {mechanism} {text}")
            assert said.startswith("a NO "), said
            c.close()


@tap.test
def an_exchange_can_be_given_up(s, keys):
    for mechanism in MESSAGES:
        c = Imap(s)
        assert c.ask(f"a AUTHENTICATE {mechanism}") == "+ "
        assert c.ask("*").startswith("a BAD ")
        message = MESSAGES[mechanism](ANNA, keys[0].token(BEN))
        refusal(c.auth(mechanism, message), mechanism)
        assert c.ask("*").startswith("a BAD ")
        assert c.ask("b NOOP").startswith("b OK")
        c.close()


@tap.test
def the_audit_says_how(s, keys):
    rows = s.cli("audit", "list", "one.example")["rows"]
    for action in ("login", "login-failed"):
        for mechanism in MESSAGES:
            assert any(row["action"] == action
                       and row["detail"].endswith(" " + mechanism)
                       for row in rows), (action, mechanism)


@tap.test
def keys_are_read_again(s, keys):
    path = s.settings["oauth_keys"]
    fresh = tokens.Key(s.folder, "EdDSA", "fresh")
    refused(s, "XOAUTH2", tokens.google(ANNA, fresh.token(ANNA)))
    tokens.key_set(path, fresh)
    s.process.send_signal(signal.SIGHUP)
    server.wait_until(lambda: "token-keys-read err=ok" in s.log())
    signed_in(s, "XOAUTH2", tokens.google(ANNA, fresh.token(ANNA)))
    refused(s, "XOAUTH2", tokens.google(ANNA, keys[0].token(ANNA)))
    # What cannot be parsed is told, and no token is good.
    path.write_text("{}")
    s.process.send_signal(signal.SIGHUP)
    server.wait_until(lambda: s.log().count("token-keys-read err=ok") == 2)
    c = Imap(s)
    said = c.auth("XOAUTH2", tokens.google(ANNA, fresh.token(ANNA)))
    assert said.startswith("a NO [UNAVAILABLE] "), said
    assert "in=oauth_keys" in s.log()
    c.close()
    tokens.key_set(path, *keys)
    s.process.send_signal(signal.SIGHUP)
    server.wait_until(lambda: s.log().count("token-keys-read err=ok") == 3)


@tap.test
def tries_are_counted(s, keys):
    """As those with passwords are."""
    message = tokens.bearer("zoe@two.example", "x.y.z")
    for _ in range(40):
        c = Imap(s)
        said = c.auth("OAUTHBEARER", message)
        c.close()
        if said.startswith("a NO"):
            break
    assert said.startswith("a NO [LIMIT] "), said


@tap.test
def without_keys_there_are_none(s, keys):
    s.stop()
    for name in ("oauth_keys", "oauth_issuer", "oauth_audience"):
        del s.settings[name]
    s.start()
    c = Imap(s)
    assert "OAUTH" not in c.ask("a CAPABILITY")
    assert c.c.readline().startswith(b"a OK ")
    said = c.auth("XOAUTH2", tokens.google(ANNA, "x"))
    assert said.startswith("a NO [CANNOT]"), said
    c.close()


@tap.test
def half_a_configuration_does_not_start(s, keys):
    s.stop()
    s.settings["oauth_keys"] = s.folder / "keys.json"
    try:
        s.start()
    except AssertionError as e:
        assert "oauth-incomplete" in str(e), e
    else:
        raise AssertionError("it serves")


def main():
    folder = pathlib.Path(os.environ["TEST_DIR"])
    keys = [tokens.Key(folder, "EdDSA", "k1"), tokens.Key(folder, "RS256", "k2")]
    path = folder / "keys.json"
    tokens.key_set(path, *keys)
    s = mailserver.start(folder, login_account_burst=25,
                         login_delay_ms=50, **tokens.settings(path))
    try:
        return tap.run(s, keys)
    finally:
        s.stop()


sys.exit(main())
