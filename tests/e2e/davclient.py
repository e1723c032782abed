# SPDX-License-Identifier: EUPL-1.2
"""A server with DAV for tests, and a small HTTP client that shows what came."""
import base64
import http.client
import re
import socket
import ssl
import urllib.parse

import server

USER, WORD = "anna@one.example", "anna's word: é"
OTHER, OTHER_WORD = "ben@one.example", "ben's word"


def start(folder, words=(WORD, OTHER_WORD), **settings):
    s = server.Server(folder, settings={"services": "caldavd imapd",
                                        "login_delay_ms": 50, **settings})
    s.start()
    s.cli("tenant", "create", "one.example")
    for address, word in zip((USER, OTHER), words):
        s.cli("user", "create", address, password=word)
    return s


def home(user=USER):
    return f"/dav/{urllib.parse.quote(user, safe='')}/"


def authorization(user=USER, word=WORD):
    return "Basic " + base64.b64encode(f"{user}:{word}".encode()).decode()


def tls(s):
    return ssl.create_default_context(cafile=str(s.folder / "cert.pem"))


class Answer:
    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.raw = response.read()
        self.text = self.raw.decode("utf-8", "replace")

    def has(self, *patterns):
        for pattern in patterns:
            assert re.search(pattern, self.text), \
                f"no {pattern!r} in {self.status} {self.text[:1500]!r}"
        return self

    def lacks(self, *patterns):
        for pattern in patterns:
            assert not re.search(pattern, self.text), \
                f"{pattern!r} in {self.text[:1500]!r}"
        return self

    def hrefs(self):
        return re.findall(r"<D:response><D:href>([^<]*)<", self.text)

    def etag(self):
        return self.headers["ETag"]


class Client:
    """One connection, kept."""

    def __init__(self, s, user=USER, word=WORD):
        self.connection = http.client.HTTPSConnection(
            "localhost", s.ports["https_port"], context=tls(s), timeout=60)
        self.authorization = authorization(user, word) if user else None

    def ask(self, status, method, path, body=None, **headers):
        fields = {name.replace("_", "-"): value
                  for name, value in headers.items()}
        if self.authorization and "Authorization" not in fields:
            fields["Authorization"] = self.authorization
        if isinstance(body, str):
            body = body.encode()
        self.connection.request(method, path, body, fields)
        answer = Answer(self.connection.getresponse())
        assert answer.status == status, \
            f"{method} {path}: {answer.status}, not {status}: " \
            f"{answer.text[:800]}"
        return answer

    def close(self):
        self.connection.close()


class Raw:
    """A TLS connection for what no HTTP library would send."""

    def __init__(self, s):
        plain = socket.create_connection(
            ("127.0.0.1", s.ports["https_port"]), 30)
        self.socket = tls(s).wrap_socket(plain, server_hostname="localhost")
        self.file = self.socket.makefile("rb")

    def send(self, text):
        self.socket.sendall(text if isinstance(text, bytes)
                            else text.encode())

    def head(self):
        """(status, fields) of the next answer; EOFError: closed."""
        line = self.file.readline()
        if not line:
            raise EOFError
        fields = http.client.parse_headers(self.file)
        return int(line.split()[1]), fields

    def answer(self):
        status, fields = self.head()
        body = self.file.read(int(fields.get("Content-Length", 0)))
        return status, fields, body

    def close(self):
        self.socket.close()


NAMES = ('xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav" '
         'xmlns:A="urn:ietf:params:xml:ns:carddav" '
         'xmlns:S="http://calendarserver.org/ns/" '
         'xmlns:I="http://apple.com/ns/ical/"')


def propfind(*names):
    props = "".join(f"<{name}/>" for name in names)
    return f"<D:propfind {NAMES}><D:prop>{props}</D:prop></D:propfind>"


def report(name, inside, props="<D:getetag/>"):
    return f"<{name} {NAMES}><D:prop>{props}</D:prop>{inside}</{name}>"


def event(uid, *lines, start="DTSTART:20260310T100000Z",
          end="DTEND:20260310T110000Z"):
    rows = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//t//t//EN",
            "BEGIN:VEVENT", f"UID:{uid}", "DTSTAMP:20260101T000000Z", start,
            *([end] if end else []), *lines, "END:VEVENT", "END:VCALENDAR", ""]
    return "\r\n".join(rows)


def card(uid, name, *lines, version="3.0"):
    return "\r\n".join(["BEGIN:VCARD", f"VERSION:{version}", f"UID:{uid}",
                        f"FN:{name}", f"N:{name};;;;", *lines, "END:VCARD",
                        ""])
