# SPDX-License-Identifier: EUPL-1.2
"""A whole mail server for tests: two tenants with users, and small clients."""
import contextlib
import imaplib
import smtplib
import socket
import ssl

import server

SMTP_PORTS = ("smtp_port", "submission_port", "submissions_port")
USERS = {"anna@one.example": "anna's word", "ben@one.example": "ben's word",
         "zoe@two.example": "zoe's word"}


def start(folder, **settings):
    """Running, with USERS; `ports` has the SMTP ports too."""
    ports = dict(zip(SMTP_PORTS, server.free_ports(len(SMTP_PORTS))))
    s = server.Server(
        folder, settings={"services": "imapd smtpd", **ports, **settings},
        programs={"imapd": server.BUILD / "imapd/imapd",
                  "smtpd": server.BUILD / "smtpd/smtpd"})
    s.ports.update(ports)
    s.start()
    for domain in ("one.example", "two.example"):
        s.cli("tenant", "create", domain)
    for address, word in USERS.items():
        s.cli("user", "create", address)
        s.cli("credential", "create", address, password=word)
    return s


def trust():
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


@contextlib.contextmanager
def imap(s, address, mailbox=None):
    with imaplib.IMAP4_SSL("127.0.0.1", s.ports["imaps_port"],
                           ssl_context=trust(), timeout=30) as connection:
        connection.login(address, USERS[address])
        if mailbox:
            status, _ = connection.select(mailbox)
            assert status == "OK", status
        yield connection


@contextlib.contextmanager
def submission(s, address):
    with smtplib.SMTP("127.0.0.1", s.ports["submission_port"],
                      timeout=30) as connection:
        connection.starttls(context=trust())
        connection.login(address, USERS[address])
        yield connection


def outside(s):
    return smtplib.SMTP("127.0.0.1", s.ports["smtp_port"], timeout=30)


class Line:
    """A bare SMTP dialogue."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), 30)
        self.file = self.socket.makefile("rb")

    def send(self, data):
        self.socket.sendall(data)

    def reply(self):
        text = b""
        while True:
            line = self.file.readline()
            text += line
            if not line or line[3:4] != b"-":
                return text.decode()

    def ask(self, text):
        self.send(text.encode() + b"\r\n")
        return self.reply()

    def close(self):
        self.socket.close()


def texts(s, address, mailbox="INBOX"):
    """Every message of a mailbox, raw."""
    with imap(s, address, mailbox) as connection:
        numbers = connection.search(None, "ALL")[1][0].split()
        return [connection.fetch(n, "(BODY.PEEK[])")[1][0][1] for n in numbers]
