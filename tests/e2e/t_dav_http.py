#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""HTTP as caldavd speaks it (RFC 9112), well or badly meant; sign-in; the
pages that set mail programs up."""
import concurrent.futures
import json
import os
import pathlib
import re
import sys
import xml.etree.ElementTree as ElementTree

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from davclient import (NAMES, USER, Client, Raw, authorization,  # noqa: E402
                       event, home, propfind, start)
from server import Tap, wait_until  # noqa: E402

FOLDER = pathlib.Path(os.environ.get("TEST_DIR", "/tmp"))
TAP = Tap()
CAL = home() + "calendar/"
AUTH = f"Authorization: {authorization()}\r\n"


@TAP.test
def signing_in(server):
    c = Client(server, None)
    answer = c.ask(401, "PROPFIND", "/dav/", propfind("D:owner"), Depth="0")
    assert answer.headers["WWW-Authenticate"] == \
        'Basic realm="Bastide", charset="UTF-8"'
    # The same connection goes on, body read or not.
    c.ask(401, "PUT", CAL + "x.ics", event("x"))
    assert "calendar-access" in c.ask(200, "OPTIONS", "/dav/").headers["DAV"]
    c.ask(401, "GET", "/")
    c.ask(401, "GET", "/dav/", Authorization="Bearer abc")
    c.ask(401, "GET", "/dav/", Authorization="Basic ****")
    moved = c.ask(301, "PROPFIND", "/.well-known/caldav")
    assert moved.headers["Location"] == "/dav/"
    assert c.ask(301, "GET", "/.well-known/carddav").headers[
        "Location"] == "/dav/"
    c.ask(207, "PROPFIND", home(), Depth="0",
          Authorization=authorization())
    # Another name ends the first session; a wrong one gets nothing of it.
    c.ask(401, "PROPFIND", home(), Depth="0",
          Authorization=authorization(USER, "wrong"))
    c.ask(401, "PROPFIND", home(), Depth="0")
    c.ask(207, "PROPFIND", home(), Depth="0",
          Authorization=authorization())
    c.ask(403, "PROPFIND", home(), Depth="0",
          Authorization=authorization("ben@one.example", "ben's word"))
    c.close()
    c = Client(server, None)
    for _ in range(3):
        last = c.ask(401, "GET", home(),
                     Authorization=authorization(USER, "wrong"))
    assert last.headers["Connection"] == "close"
    c.close()


@TAP.test
def one_sign_in_for_many_requests(server):
    c = Client(server)
    for _ in range(20):
        c.ask(207, "PROPFIND", home(), Depth="0")
    rows = server.cli("audit", "list", "one.example")["rows"]
    c.close()
    other = Client(server)
    for _ in range(3):
        other.ask(207, "PROPFIND", home(), Depth="0")
    after = server.cli("audit", "list", "one.example")["rows"]
    other.close()
    count = [len([r for r in x if r["action"] == "login"])
             for x in (rows, after)]
    assert count[1] == count[0] + 1, count


@TAP.test
def requests_in_a_row(server):
    r = Raw(server)
    body = propfind("D:resourcetype")
    one = (f"PROPFIND {home()} HTTP/1.1\r\nHost: localhost\r\n{AUTH}Depth: 0"
           f"\r\nContent-Length: {len(body)}\r\n\r\n{body}")
    r.send(one.replace("HTTP/1.1\r\n", "HTTP/1.1\r\nX: 1\r\n") + one
           + f"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n"
           + f"GET {home()} HTTP/1.1\r\nHost: x\r\n{AUTH}\r\n")
    for _ in range(2):
        status, fields = r.head()
        assert status == 207 and fields["Transfer-Encoding"] == "chunked"
        text = b""
        while True:
            n = int(r.file.readline(), 16)
            text += r.file.read(n)
            assert r.file.read(2) == b"\r\n"
            if not n:
                break
        assert text.endswith(b"</D:multistatus>\n"), text[-100:]
    assert r.answer()[0] == 200
    assert r.answer()[0] == 405
    # A body in chunks, with Expect.
    text = event("chunks")
    r.send(f"PUT {CAL}chunks.ics HTTP/1.1\r\nHost: x\r\n{AUTH}"
           "Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n")
    assert r.head()[0] == 100
    for at in range(0, len(text), 50):
        piece = text[at:at + 50]
        r.send(f"{len(piece):x}\r\n{piece}\r\n")
    r.send("0\r\n\r\n")
    assert r.answer()[0] == 201
    # HTTP/1.0: no chunks, the end is the end.
    r.send(f"PROPFIND {home()} HTTP/1.0\r\n{AUTH}Depth: 0\r\n\r\n")
    status, fields = r.head()
    assert status == 207 and "Transfer-Encoding" not in fields
    assert r.file.read().endswith(b"</D:multistatus>\n")
    r.close()


@TAP.test
def errors_of_http(server):
    head = f"HTTP/1.1\r\nHost: x\r\n{AUTH}"
    goes_on = [  # (request, status); then the connection still serves
        (f"BREW / {head}\r\n", 501),
        (f"GET /dav/../x {head}\r\n", 400),
        (f"GET /dav/%2e%2E/x {head}\r\n", 400),
        (f"GET /dav/%2f {head}\r\n", 400),
        (f"GET /dav/%00 {head}\r\n", 400),
        (f"GET /dav/%zz {head}\r\n", 400),
        (f"GET /dav/%ff {head}\r\n", 400),
        (f"GET dav {head}\r\n", 400),
        (f"GET /elsewhere {head}\r\n", 404),
        (f"LOCK {home()} {head}\r\n", 501),
        (f"POST {home()} {head}Content-Length: 2\r\n\r\nxx", 405),
        (f"PUT {CAL}x.ics {head}Content-Length: 0\r\n\r\n", 403),
    ]
    r = Raw(server)
    for request, status in goes_on:
        r.send(request)
        got = r.answer()[0]
        assert got == status, (request, got)
    r.close()
    lost = [
        ("GET / HTTP/2.0\r\nHost: x\r\n\r\n", 505),
        ("GET / HTTP/1.1\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", 400),
        ("GET /\r\n\r\n", 400),
        ("GET /" + "a" * 9000 + " HTTP/1.1\r\nHost: x\r\n\r\n", 414),
        ("GET / HTTP/1.1\r\nHost: x\r\nA: " + "a" * 40000 + "\r\n\r\n", 431),
        ("GET / HTTP/1.1\r\nHost: x\r\n" + "A: b\r\n" * 200 + "\r\n", 431),
        ("GET / HTTP/1.1\r\nHost: x\r\nA : b\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n", 400),
        ("PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n"
         "Transfer-Encoding: chunked\r\n\r\n", 400),
        (f"PUT {CAL}x {head}Content-Length: 10485761\r\n\r\n", 413),
        (f"PROPFIND {CAL} {head}Content-Length: 1048577\r\n\r\n", 413),
        (f"PROPFIND {CAL} {head}Transfer-Encoding: chunked\r\n\r\n"
         "110000\r\n" + " " * 0x110000 + "\r\n0\r\n\r\n", 413),
        (f"PROPFIND {CAL} {head}Transfer-Encoding: chunked\r\n\r\nzz\r\n",
         400),
        (f"PUT {CAL}x HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n"
         "Content-Length: 9\r\n\r\n", 401),
    ]
    for request, status in lost:
        r = Raw(server)
        try:
            r.send(request)
        except OSError:
            pass  # it hung up on us already
        got, fields, _ = r.answer()
        assert got == status, (request[:80], got)
        assert fields["Connection"] == "close", request[:80]
        try:
            assert r.file.read(1) == b"", "not closed"
        except TimeoutError:
            raise
        except OSError:
            pass
        r.close()


@TAP.test
def hostile_bodies(server):
    c = Client(server)
    bomb = ('<!DOCTYPE a [<!ENTITY b "bbbb"><!ENTITY c "&b;&b;">]>'
            f"<D:propfind {NAMES}><D:prop><D:x>&c;</D:x></D:prop>"
            "</D:propfind>")
    many = "".join(f' a{i}="1"' for i in range(100000))
    some = "".join(f' a{i}="1"' for i in range(100))
    for body, status in [
            (bomb, 400), (f"<a{many}/>", 413), (f"<a{some}/>", 413),
            ("<a>" * 65 + "</a>" * 65, 413),
            ("<a>" + "<b/>" * 60000 + "</a>", 413),
            ("<a>&nothing;</a>", 400), ("<a", 400), ("", 207), ("\0", 400),
            (b"\xff\xfe<\0a\0", 400),
            ("<a" + " " * 70000 + "/>", 413),
            ('<?xml version="1.0" encoding="UTF-16"?><x/>', 400),
            (f'<D:propfind {NAMES}><D:allprop/></D:propfind>', 207),
            (f'<D:propfind {NAMES}><D:prop>' + "<D:q/>" * 40000
             + "</D:prop></D:propfind>", 207)]:
        c.ask(status, "PROPFIND", CAL, body, Depth="0")
    depth = "".join(f"BEGIN:A{i}\r\n" for i in range(20))
    for text in (depth, "BEGIN:VCALENDAR\r\n" + "A:\r\n" * 60000,
                 "BEGIN:VCALENDAR\r\nA" + ";B=c" * 60000 + ":\r\n",
                 event("x", *["BEGIN:VALARM\r\nEND:VALARM"] * 3000),
                 event("x" * 2000)):
        answer = c.ask(403, "PUT", CAL + "bad.ics", text)
        assert answer.has("<C:(max-resource-size|valid-calendar)")
    # A large one is kept as it is, and comes back through a report.
    large = event("large", "DESCRIPTION:" + "&" * 3000000)
    c.ask(201, "PUT", CAL + "large.ics", large)
    assert c.ask(200, "GET", CAL + "large.ics").raw == large.encode()
    shown = c.ask(207, "REPORT", CAL, f"<C:calendar-multiget {NAMES}><D:prop>"
                  f"<C:calendar-data/></D:prop><D:href>{CAL}large.ics"
                  "</D:href></C:calendar-multiget>")
    assert shown.text.count("&amp;") == 3000000
    c.ask(204, "DELETE", CAL + "large.ics")
    c.close()


@TAP.test
def a_body_ends_while_the_stream_is_full(server):
    def put(k):
        c = Client(server)
        for i in range(12):
            text = event(f"full{k}", "DESCRIPTION:" + "&" * 3000000)
            c.ask(204 if i else 201, "PUT", f"{CAL}full{k}.ics", text)
        c.ask(204, "DELETE", f"{CAL}full{k}.ics")
        c.close()
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        list(pool.map(put, range(3)))


@TAP.test
def a_slow_reader_keeps_nobody_waiting(server):
    c = Client(server)
    text = event("slow", "DESCRIPTION:" + "x" * 1000000)
    for i in range(12):
        c.ask(201, "PUT", f"{CAL}slow{i}.ics", text.replace("slow", f"s{i}"))
    hrefs = "".join(f"<D:href>{CAL}slow{i}.ics</D:href>" for i in range(12))
    body = (f"<C:calendar-multiget {NAMES}><D:prop><C:calendar-data/>"
            f"</D:prop>{hrefs * 5}</C:calendar-multiget>")
    r = Raw(server)
    r.send(f"REPORT {CAL} HTTP/1.1\r\nHost: x\r\n{AUTH}"
           f"Content-Length: {len(body)}\r\n\r\n{body}")
    assert r.head()[0] == 207
    for _ in range(50):  # while 60 MB wait for the other
        c.ask(207, "PROPFIND", CAL, Depth="0")
    total = 0
    while True:
        n = int(r.file.readline(), 16)
        total += len(r.file.read(n))
        r.file.read(2)
        if not n:
            break
    assert total > 60 * 1000000, total
    r.close()
    for i in range(12):
        c.ask(204, "DELETE", f"{CAL}slow{i}.ics")
    c.close()


# --- set-up pages -------------------------------------------------------------

OUTLOOK = ("http://schemas.microsoft.com/exchange/autodiscover/outlook/"
           "requestschema/2006")
MOBILE = OUTLOOK.replace("outlook", "mobilesync")
ANSWER = ("http://schemas.microsoft.com/exchange/autodiscover/outlook/"
          "responseschema/2006a")


def fields_of(text, kind):
    """The children's texts of <Protocol> of that type, or of an element."""
    for element in ElementTree.fromstring(text).iter():
        fields = {e.tag.rsplit("}")[-1]: (e.text or "").strip()
                  for e in element}
        if kind in (fields.get("Type"), element.tag.rsplit("}")[-1]):
            return fields
    return None


@TAP.test
def autoconfig(server):
    c = Client(server, None)
    for path in ("/mail/config-v1.1.xml?emailaddress=x%40a.example",
                 "/.well-known/autoconfig/mail/config-v1.1.xml"):
        answer = c.ask(200, "GET", path, Host="autoconfig.a.example")
        assert "xml" in answer.headers["Content-Type"]
        root = ElementTree.fromstring(answer.text)
        assert root.find("emailProvider").get("id") == "a.example"
        first = root.find("emailProvider/incomingServer")
        assert first.find("port").text == str(server.ports["imaps_port"])
        assert first.find("socketType").text == "SSL"
        assert first.find("username").text == "%EMAILADDRESS%"
        assert root.find("calendar/serverURL").text.endswith(
            f":{server.ports['https_port']}/dav/")
        sockets = [e.text for e in root.iter("socketType")]
        assert sockets == ["SSL", "STARTTLS"] * 2, sockets
    c.ask(200, "GET", "/mail/config-v1.1.xml?emailaddress=x%40%3Cb%3E"
          ).lacks("<b>")
    c.close()


def discover(c, namespace, body=None, path="/autodiscover/autodiscover.xml"):
    if body is None:
        body = (f'<Autodiscover xmlns="{namespace}"><Request><EMailAddress>'
                "x&amp;y@a.example</EMailAddress><AcceptableResponseSchema>"
                f"{ANSWER if namespace == OUTLOOK else 'other'}"
                "</AcceptableResponseSchema></Request></Autodiscover>")
    return c.ask(200, "POST", path, body, Content_Type="text/xml").text


@TAP.test
def autodiscover(server):
    c = Client(server, None)
    for path in ("/autodiscover/autodiscover.xml",
                 "/Autodiscover/Autodiscover.xml"):
        text = discover(c, OUTLOOK, path=path)
        account = fields_of(text, "Account")
        assert account["AccountType"] == "email"
        assert account["Action"] == "settings"
        imap, smtp = fields_of(text, "IMAP"), fields_of(text, "SMTP")
        assert imap["Port"] == str(server.ports["imaps_port"])
        assert smtp["Port"] == str(server.ports["submissions_port"])
        for one in (imap, smtp):
            assert one["SPA"] == "off" and one["SSL"] == "on"
            assert one["LoginName"] == "x&y@a.example"
        assert smtp["UsePOPAuth"] == "off"
        assert "EXCH" not in text
    assert fields_of(discover(c, MOBILE), "Error")["ErrorCode"] == "601"
    bomb = ('<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "bbbbbbbbbb">]>'
            f'<Autodiscover xmlns="{OUTLOOK}"><Request><EMailAddress>&b;@x'
            "</EMailAddress></Request></Autodiscover>")
    for bad in ("<Autodiscover><Request>", bomb, "", "<x/>"):
        text = discover(c, OUTLOOK, bad)
        assert fields_of(text, "Error")["ErrorCode"] == "600", bad
        assert "bbbbbbbbbb" not in text
    where = "/autodiscover/autodiscover.json"
    for path in ("?Email=x@a.example&Protocol=AutodiscoverV1&RedirectCount=1",
                 "/v1.0/x@a.example?Protocol=AutodiscoverV1"):
        answer = c.ask(200, "GET", where + path,
                       Host="autodiscover.a.example")
        assert json.loads(answer.text) == {
            "Protocol": "AutodiscoverV1",
            "Url": "https://autodiscover.a.example/autodiscover/"
                   "autodiscover.xml"}
    answer = c.ask(400, "GET", where + "?Email=x&Protocol=ActiveSync")
    assert json.loads(answer.text)["ErrorCode"] == "InvalidProtocol"
    answer = c.ask(200, "GET", where + "?Protocol=AutodiscoverV1",
                   Host='a"b')
    assert json.loads(answer.text)["Url"].startswith("https://localhost/")
    c.ask(413, "POST", "/autodiscover/autodiscover.xml", "x" * 70000)
    c.close()


@TAP.test
def without_tls_nobody_signs_in(server):
    import http.client
    c = http.client.HTTPConnection("127.0.0.1", server.plain, timeout=30)
    c.request("PROPFIND", home(), headers={
        "Authorization": authorization(), "Depth": "0"})
    answer = c.getresponse()
    assert answer.status == 403, answer.status
    answer.read()
    c.request("GET", "/mail/config-v1.1.xml")
    answer = c.getresponse()
    assert answer.status == 200 and b"clientConfig" in answer.read()
    c.close()


@TAP.test
def nothing_died(server):
    wait_until(lambda: server.state("one.example") == "awake", 1)
    ended = re.findall("child-ended program=(?!worker)[^\n]*",
                       server.log_since())
    assert not ended, ended
    assert "Sanitizer" not in server.log() and "runtime error" not in \
        server.log()


if __name__ == "__main__":
    import server as module
    (FOLDER / "main").mkdir()
    plain = module.free_ports(1)[0]
    main = start(FOLDER / "main", http_port=plain, login_source_burst=0,
                 login_account_burst=0)
    main.plain = plain
    try:
        status = TAP.run(main)
    finally:
        main.stop()
    sys.exit(status)
