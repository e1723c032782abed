#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""CalDAV and CardDAV through the real processes, inside their walls."""
import os
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from davclient import (NAMES, OTHER, OTHER_WORD, Client, card,  # noqa: E402
                       event, home, propfind, report, start)
from server import Tap  # noqa: E402

FOLDER = pathlib.Path(os.environ.get("TEST_DIR", "/tmp"))
TAP = Tap()
CAL, BOOK = home() + "calendar/", home() + "contacts/"


def test(function):
    """With a client of its own."""
    def run(server):
        client = Client(server)
        try:
            function(client, server)
        finally:
            client.close()
    run.__name__ = function.__name__
    return TAP.test(run)


def new_calendar(c, name):
    c.ask(201, "MKCALENDAR", home() + name + "/")
    return home() + name + "/"


@test
def discovery(c, _):
    who = c.ask(207, "PROPFIND", "/dav/",
                propfind("D:current-user-principal", "D:resourcetype"),
                Depth="0")
    who.has(r"<D:href>/dav/principals/anna%40one\.example/</D:href>")
    found = c.ask(207, "PROPFIND", "/dav/principals/anna%40one.example/",
                  propfind("C:calendar-home-set", "A:addressbook-home-set",
                           "C:calendar-user-address-set", "D:principal-URL",
                           "D:displayname"), Depth="0")
    found.has(r"<C:calendar-home-set><D:href>/dav/anna%40one\.example/<",
              r"<CR:addressbook-home-set><D:href>/dav/anna%40one\.example/<",
              "mailto:anna@one.example")
    listed = c.ask(207, "PROPFIND", home(),
                   propfind("D:resourcetype", "D:displayname", "S:getctag",
                            "D:sync-token", "D:nonsense",
                            "D:supported-report-set",
                            "C:supported-calendar-component-set",
                            "D:current-user-privilege-set"), Depth="1")
    assert listed.hrefs() == [home(), CAL, BOOK], listed.hrefs()
    listed.has("<C:calendar/>", "<CR:addressbook/>", "<CS:getctag>",
               "<D:sync-token>urn:bastide:sync:", "<C:calendar-query/>",
               "<CR:addressbook-multiget/>", 'comp name="VTODO"',
               "<D:write-content/>",
               "<D:nonsense/></D:prop><D:status>HTTP/1.1 404")
    lean = c.ask(207, "PROPFIND", home(), propfind("D:nonsense", "D:owner"),
                 Depth="0", Prefer="return=minimal")
    lean.lacks("nonsense").has("<D:owner>")
    c.ask(207, "PROPFIND", CAL, Depth="0").has("<D:displayname>calendar<")
    c.ask(207, "PROPFIND", CAL,
          f"<D:propfind {NAMES}><D:propname/></D:propfind>",
          Depth="0").has("<D:sync-token/>").lacks("<C:calendar-data/>")
    c.ask(403, "PROPFIND", home(), Depth="infinity").has(
        "<D:propfind-finite-depth/>")
    c.ask(404, "PROPFIND", home() + "nothing/", Depth="0")
    c.ask(400, "PROPFIND", home(), "<D:propfind", Depth="0")


@test
def objects_live_and_die(c, _):
    where = new_calendar(c, "life")
    text = event("one@x", "SUMMARY:Réunion\\, encore")
    put = c.ask(201, "PUT", where + "one.ics", text,
                Content_Type="text/calendar", If_None_Match="*")
    got = c.ask(200, "GET", where + "one.ics")
    assert got.raw == text.encode(), "not byte for byte"
    assert got.etag() == put.etag() and got.etag().startswith('"')
    assert got.headers["Content-Type"].startswith("text/calendar")
    head = c.ask(200, "HEAD", where + "one.ics")
    assert head.headers["Content-Length"] == str(len(got.raw))
    assert not head.raw
    c.ask(304, "GET", where + "one.ics", If_None_Match=put.etag())
    c.ask(412, "PUT", where + "one.ics", text, If_None_Match="*")
    c.ask(412, "PUT", where + "one.ics", text, If_Match='"123"')
    c.ask(412, "PUT", where + "new.ics", text, If_Match="*")
    again = c.ask(204, "PUT", where + "one.ics", text.replace("10:00", ""),
                  If_Match=put.etag())
    assert again.etag() != put.etag()
    c.ask(412, "DELETE", where + "one.ics", If_Match=put.etag())
    c.ask(204, "DELETE", where + "one.ics", If_Match=again.etag())
    c.ask(404, "GET", where + "one.ics")
    c.ask(404, "DELETE", where + "one.ics")
    c.ask(409, "PUT", home() + "missing/one.ics", text)
    c.ask(409, "PUT", where + "a/b.ics", text)
    c.ask(405, "PUT", where, text)
    c.ask(405, "GET", where)
    c.ask(204, "DELETE", where)
    c.ask(404, "PROPFIND", where, Depth="0")


@test
def what_is_no_calendar_object_is_refused(c, _):
    where = new_calendar(c, "strict")
    good = event("one@x")
    cases = [
        ("hello", "valid-calendar-data"),
        (good.replace("VERSION:2.0\r\n", ""), "valid-calendar-data"),
        (good.replace("END:VEVENT\r\n", ""), "valid-calendar-data"),
        (good.replace("DTSTART:20260310T100000Z", "DTSTART:soon"),
         "valid-calendar-data"),
        (good.replace("BEGIN:VEVENT", "METHOD:REQUEST\r\nBEGIN:VEVENT"),
         "valid-calendar-object-resource"),
        (good.replace("UID:one@x\r\n", ""), "valid-calendar-object-resource"),
        (good.replace("END:VCALENDAR",
                      "BEGIN:VTODO\r\nUID:one@x\r\nEND:VTODO\r\n"
                      "END:VCALENDAR"), "valid-calendar-object-resource"),
        (good.replace("VEVENT", "VAVAILABILITY"),
         "supported-calendar-component"),
        (b"\xff\xfe", "valid-calendar-data"),
    ]
    for text, element in cases:
        answer = c.ask(403, "PUT", where + "x.ics", text)
        answer.has(f"<C:{element}/>")
    # The control: the same without the fault.
    c.ask(201, "PUT", where + "x.ics", good)
    c.ask(403, "PUT", where + "y.ics", good).has(
        f"<C:no-uid-conflict><D:href>{where}x.ics</D:href>")
    c.ask(403, "PUT", where + "x.ics", event("other@x")).has(
        "<C:no-uid-conflict")
    body = (f'<C:mkcalendar {NAMES}><D:set><D:prop>'
            '<C:supported-calendar-component-set><C:comp name="VTODO"/>'
            '</C:supported-calendar-component-set><D:displayname>Tâches'
            '</D:displayname></D:prop></D:set></C:mkcalendar>')
    c.ask(201, "MKCALENDAR", home() + "tasks/", body)
    c.ask(405, "MKCALENDAR", home() + "tasks/", body)
    c.ask(403, "PUT", home() + "tasks/x.ics", good).has(
        "<C:supported-calendar-component/>")
    c.ask(201, "PUT", home() + "tasks/x.ics", good.replace("VEVENT", "VTODO")
          .replace("DTEND", "DUE"))
    c.ask(207, "PROPFIND", home() + "tasks/",
          propfind("D:displayname", "C:supported-calendar-component-set"),
          Depth="0").has("<D:displayname>Tâches<",
                         'name="VTODO"').lacks("VEVENT")


@test
def reports_get_many_and_changes(c, _):
    where = new_calendar(c, "many")
    first = c.ask(207, "REPORT", where,
                  report("D:sync-collection", "<D:sync-token/>"
                         "<D:sync-level>1</D:sync-level>"))
    token = re.search("<D:sync-token>(.*?)<", first.text)[1]
    assert first.hrefs() == []
    for i in range(130):
        c.ask(201, "PUT", f"{where}{i:03}.ics", event(f"{i}@x"))
    answer = c.ask(207, "REPORT", where, report(
        "C:calendar-multiget",
        f"<D:href>{where}001.ics</D:href><D:href>{where}none.ics</D:href>"
        f"<D:href>{CAL}001.ics</D:href>"
        f"<D:href>https://localhost{where}002.ics</D:href>",
        "<D:getetag/><C:calendar-data/>"))
    assert answer.hrefs() == [where + "001.ics", where + "none.ics",
                              CAL + "001.ics", where + "002.ics"]
    answer.has("UID:1@x", "UID:2@x")
    assert answer.text.count("404 Not Found") == 2

    def sync(token, limit=""):
        return c.ask(207, "REPORT", where, report(
            "D:sync-collection", f"<D:sync-token>{token}</D:sync-token>"
            f"<D:sync-level>1</D:sync-level>{limit}"))
    assert len(sync("").hrefs()) == 130
    assert len(sync(token).hrefs()) == 130
    now = re.search("<D:sync-token>(.*?)<", sync(token).text)[1]
    assert sync(now).hrefs() == []
    c.ask(204, "DELETE", where + "007.ics")
    c.ask(204, "PUT", where + "008.ics", event("8@x", "SUMMARY:new"))
    changed = sync(now)
    assert changed.hrefs() == [where + "007.ics", where + "008.ics"]
    changed.has("007.ics</D:href><D:status>HTTP/1.1 404")
    # A limit: in steps, nothing twice, nothing lost.
    seen, steps = [], 0
    while True:
        part = sync(token, "<D:limit><D:nresults>40</D:nresults></D:limit>")
        seen += [h for h in part.hrefs() if h != where]
        token = re.search("<D:sync-token>(.*?)<", part.text)[1]
        steps += 1
        if "507" not in part.text:
            break
    assert steps == 4 and len(seen) == len(set(seen)) == 130, (steps,
                                                              len(seen))
    for bad in ("urn:bastide:sync:999999", "nonsense"):
        c.ask(403, "REPORT", where, report(
            "D:sync-collection", f"<D:sync-token>{bad}</D:sync-token>")).has(
                "<D:valid-sync-token/>")
    c.ask(403, "REPORT", home(), report("C:calendar-query", "")).has(
        "<D:supported-report/>")
    listed = c.ask(207, "PROPFIND", where, propfind("D:getetag"), Depth="1")
    assert len(listed.hrefs()) == 130


def in_range(c, where, start, end, component="VEVENT"):
    answer = c.ask(207, "REPORT", where, report(
        "C:calendar-query", '<C:filter><C:comp-filter name="VCALENDAR">'
        f'<C:comp-filter name="{component}"><C:time-range start="{start}" '
        f'end="{end}"/></C:comp-filter></C:comp-filter></C:filter>'))
    return sorted(h.rsplit("/", 1)[1][:-4] for h in answer.hrefs())


@test
def queries_by_time_expand_recurrence(c, _):
    where = new_calendar(c, "times")
    zone = ("BEGIN:VTIMEZONE\r\nTZID:Ours\r\nBEGIN:STANDARD\r\n"
            "DTSTART:19700101T000000\r\nTZOFFSETFROM:+0500\r\n"
            "TZOFFSETTO:+0500\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\n")
    objects = {
        "single": event("single"),
        "day": event("day", start="DTSTART;VALUE=DATE:20260312", end=None),
        "weekly": event("weekly", "RRULE:FREQ=WEEKLY;COUNT=10",
                        "EXDATE:20260324T100000Z"),
        "zoned": event("zoned", start="DTSTART;TZID=Ours:20260401T020000",
                       end="DTEND;TZID=Ours:20260401T030000").replace(
                           "BEGIN:VEVENT", zone + "BEGIN:VEVENT"),
        "forever": event("forever", "RRULE:FREQ=DAILY",
                         start="DTSTART:20300101T100000Z",
                         end="DTEND:20300101T110000Z"),
        "minutely": event("minutely", "RRULE:FREQ=MINUTELY;BYMONTH=2",
                          start="DTSTART:20400101T100000Z",
                          end="DTEND:20400101T100100Z"),
        "rdate": event("rdate", "RDATE:20260601T100000Z,20260701T100000Z"),
        "todo": event("todo", start="DUE:20260501T100000Z",
                      end=None).replace("VEVENT", "VTODO"),
        "anytime": event("anytime", start="SUMMARY:x", end=None).replace(
            "VEVENT", "VTODO"),
    }
    moved = event("moved", "RRULE:FREQ=DAILY;COUNT=3",
                  start="DTSTART:20260801T100000Z",
                  end="DTEND:20260801T110000Z")
    override = ("BEGIN:VEVENT\r\nUID:moved\r\nDTSTAMP:20260101T000000Z\r\n"
                "RECURRENCE-ID:20260802T100000Z\r\n"
                "DTSTART:20260820T100000Z\r\nDTEND:20260820T110000Z\r\n"
                "END:VEVENT\r\nEND:VCALENDAR")
    objects["moved"] = moved.replace("END:VCALENDAR", override)
    for name, text in objects.items():
        c.ask(201, "PUT", f"{where}{name}.ics", text)
    cases = [
        ("20260310T103000Z", "20260310T104500Z",
         ["rdate", "single", "weekly"]),
        ("20260310T110000Z", "20260310T120000Z", []),  # its end is no part
        ("20260312T230000Z", "20260313T000000Z", ["day"]),
        ("20260313T000000Z", "20260314T000000Z", []),
        ("20260317T103000Z", "20260317T104500Z", ["weekly"]),
        ("20260324T103000Z", "20260324T104500Z", []),  # EXDATE
        ("20260512T103000Z", "20260512T104500Z", ["weekly"]),  # the tenth
        ("20260519T103000Z", "20260519T104500Z", []),
        ("20260331T210000Z", "20260331T220000Z", ["zoned"]),  # 02:00 +0500
        ("20260401T020000Z", "20260401T030000Z", []),
        ("20260601T103000Z", "20260601T104500Z", ["rdate"]),
        ("20260802T100000Z", "20260802T110000Z", []),  # moved away
        ("20260820T100000Z", "20260820T110000Z", ["moved"]),
        ("20320101T103000Z", "20320101T104500Z", ["forever"]),
        ("20320101T120000Z", "20320101T130000Z", []),
        # Past the horizon: candidates always.
        ("20450101T120000Z", "20450101T130000Z", ["forever", "minutely"]),
    ]
    for begin, end, expected in cases:
        got = in_range(c, where, begin, end)
        assert got == expected, (begin, got, expected)
    assert in_range(c, where, "20260501T090000Z", "20260501T110000Z",
                    "VTODO") == ["anytime", "todo"]
    assert in_range(c, where, "20260601T090000Z", "20260601T110000Z",
                    "VTODO") == ["anytime"]


@test
def a_rule_without_end_costs_a_worker_only(c, server):
    where = new_calendar(c, "evil")
    text = event("evil", "RRULE:FREQ=HOURLY;BYMONTH=2;BYMONTHDAY=30")
    c.ask(201, "PUT", where + "evil.ics", text)
    c.ask(201, "PUT", where + "good.ics", event("good"))
    # Killed: stored, and a candidate for every range.
    assert "evil" in in_range(c, where, "20280101T000000Z",
                              "20280102T000000Z")
    assert in_range(c, where, "20260310T100000Z", "20260310T101000Z") == [
        "evil", "good"]


@test
def properties_are_set_together_or_not_at_all(c, _):
    where = new_calendar(c, "props")

    def patch(status, *pairs, action="set"):
        body = "".join(f"<D:{action}><D:prop>{x}</D:prop></D:{action}>"
                       for x in pairs)
        return c.ask(207, "PROPPATCH", where,
                     f"<D:propertyupdate {NAMES}>{body}</D:propertyupdate>"
                     ).has(status)
    patch("200 OK", "<D:displayname>Fêtes &amp; &lt;co&gt;</D:displayname>",
          "<I:calendar-color>#FF0000FF</I:calendar-color>",
          '<x:mine xmlns:x="urn:x"><x:deep a="1">text</x:deep></x:mine>')
    shown = c.ask(207, "PROPFIND", where, propfind(
        "D:displayname", "I:calendar-color").replace(
            "</D:prop>", '<x:mine xmlns:x="urn:x"/></D:prop>'), Depth="0")
    shown.has("<D:displayname>Fêtes &amp; &lt;co&gt;<", "#FF0000FF",
              '<mine xmlns="urn:x"><deep xmlns="urn:x" a="1">text</deep>')
    answer = patch("403 Forbidden", "<I:calendar-order>3</I:calendar-order>",
                   "<D:getetag>x</D:getetag>")
    answer.has("424 Failed Dependency", "cannot-modify-protected-property")
    c.ask(207, "PROPFIND", where, propfind("I:calendar-order"),
          Depth="0").has("404")
    patch("200 OK", "<D:displayname/>", action="remove")
    c.ask(207, "PROPFIND", where, propfind("D:displayname"),
          Depth="0").has("<D:displayname>props<")
    patch("403", "<C:calendar-timezone>nonsense</C:calendar-timezone>")


@test
def text_filters(c, _):
    where = new_calendar(c, "texts")
    c.ask(201, "PUT", where + "a.ics", event(
        "a", "SUMMARY:ÉTÉ in Rome", "CATEGORIES:fun",
        'ATTENDEE;PARTSTAT=ACCEPTED;CN="X":mailto:x@y'))
    c.ask(201, "PUT", where + "b.ics", event(
        "b", "SUMMARY:Winter\\, long and fol\r\n ded",
        "ATTENDEE;PARTSTAT=DECLINED:mailto:x@y"))

    def query(inside):
        answer = c.ask(207, "REPORT", where, report(
            "C:calendar-query", '<C:filter><C:comp-filter name="VCALENDAR">'
            f'<C:comp-filter name="VEVENT">{inside}</C:comp-filter>'
            "</C:comp-filter></C:filter>"))
        return "".join(h[-5] for h in answer.hrefs())

    def prop(name, inside):
        return f'<C:prop-filter name="{name}">{inside}</C:prop-filter>'

    def text(what, more=""):
        return f"<C:text-match {more}>{what}</C:text-match>"
    unicode = 'collation="i;unicode-casemap"'
    none = "<C:is-not-defined/>"
    for inside, expected in [
            ("", "ab"), (prop("SUMMARY", text("rome")), "a"),
            (prop("SUMMARY", text("été")), ""),  # ASCII folds only ASCII
            (prop("SUMMARY", text("été", unicode)), "a"),
            (prop("SUMMARY", text("rome", 'collation="i;octet"')), ""),
            (prop("SUMMARY", text("winter, long and folded")), "b"),
            (prop("SUMMARY", text("rome", 'negate-condition="yes"')), "b"),
            (prop("CATEGORIES", none), "b"), (prop("CATEGORIES", ""), "a"),
            (prop("ATTENDEE", '<C:param-filter name="PARTSTAT">'
                  + text("declined") + "</C:param-filter>"), "b"),
            (prop("ATTENDEE", '<C:param-filter name="CN">' + none
                  + "</C:param-filter>"), "b"),
            (prop("SUMMARY", text("rome")) + prop("CATEGORIES", none), ""),
            ('<C:comp-filter name="VALARM">' + none + "</C:comp-filter>",
             "ab"), ('<C:comp-filter name="VALARM"/>', "")]:
        got = query(inside)
        assert got == expected, (inside, got, expected)
    refused = report(
        "C:calendar-query", '<C:filter><C:comp-filter name="VCALENDAR">'
        '<C:comp-filter name="VEVENT">' + prop("SUMMARY", text(
            "x", 'collation="i;none"')) + "</C:comp-filter></C:comp-filter>"
        "</C:filter>")
    c.ask(403, "REPORT", where, refused).has("<C:supported-collation/>")


@test
def address_books(c, _):
    body = (f'<D:mkcol {NAMES}><D:set><D:prop><D:resourcetype>'
            '<D:collection/><A:addressbook/></D:resourcetype>'
            "<D:displayname>Amis</D:displayname></D:prop></D:set></D:mkcol>")
    where = home() + "friends/"
    c.ask(201, "MKCOL", where, body)
    c.ask(403, "MKCOL", home() + "plain/").has("valid-resourcetype")
    c.ask(405, "MKCALENDAR", where)
    c.ask(403, "MKCOL", home() + "bad/", body.replace(
        "<D:displayname>", "<D:getetag/><D:displayname>")).has(
            "<D:mkcol-response[^>]*><D:propstat><D:prop><D:getetag/>")
    c.ask(404, "PROPFIND", home() + "bad/", Depth="0")
    put = c.ask(201, "PUT", where + "a.vcf", card(
        "a", "Zoé Émile", "EMAIL;TYPE=WORK:zoe@x.example"))
    c.ask(201, "PUT", where + "b.vcf", card("b", "Bob", "TEL:+33",
                                            version="4.0"))
    got = c.ask(200, "GET", where + "a.vcf")
    assert got.etag() == put.etag()
    assert got.headers["Content-Type"].startswith("text/vcard")
    c.ask(403, "PUT", where + "c.vcf", card("c", "x").replace(
        "UID:c\r\n", "")).has("<CR:valid-address-data/>")
    c.ask(403, "PUT", where + "c.vcf", card("c", "x", version="2.1")).has(
        "<CR:supported-address-data/>")
    c.ask(403, "PUT", where + "c.vcf", card("a", "x")).has(
        "<CR:no-uid-conflict>")
    c.ask(403, "PUT", where + "c.vcf", event("e"))

    def query(inside, test="anyof", more=""):
        answer = c.ask(207, "REPORT", where, report(
            "A:addressbook-query", f'<A:filter test="{test}">{inside}'
            f"</A:filter>{more}", "<A:address-data/>"))
        return [h[-5] for h in answer.hrefs() if h != where]
    email = ('<A:prop-filter name="EMAIL"><A:text-match '
             'match-type="starts-with">ZOE@</A:text-match></A:prop-filter>')
    name = ('<A:prop-filter name="FN"><A:text-match match-type="equals">bob'
            "</A:text-match></A:prop-filter>")
    assert query("") == ["a", "b"]
    assert query(email) == ["a"]
    assert query(email + name) == ["a", "b"]
    assert query(email + name, "allof") == []
    assert query(name.replace("equals", "ends-with")) == ["b"]
    assert len(query("", more="<A:limit><A:nresults>1</A:nresults>"
                     "</A:limit>")) == 1
    c.ask(207, "REPORT", where, report(
        "A:addressbook-multiget", f"<D:href>{where}a.vcf</D:href>",
        "<A:address-data/>")).has("FN:Zoé Émile")
    c.ask(403, "REPORT", where, report("C:calendar-multiget", ""))


@test
def copy_and_move(c, _):
    one, two = new_calendar(c, "left"), new_calendar(c, "right")
    text = event("m")
    c.ask(201, "PUT", one + "m.ics", text)
    c.ask(201, "COPY", one + "m.ics", Destination=two + "m.ics")
    assert c.ask(200, "GET", two + "m.ics").raw == text.encode()
    c.ask(412, "COPY", one + "m.ics", Destination=two + "m.ics",
          Overwrite="F")
    c.ask(201, "MOVE", one + "m.ics",
          Destination="https://localhost" + one + "n.ics")
    c.ask(404, "GET", one + "m.ics")
    c.ask(200, "GET", one + "n.ics")
    assert in_range(c, one, "20260310T100000Z", "20260310T101000Z") == ["n"]
    c.ask(403, "COPY", one + "n.ics", Destination=BOOK + "n.vcf")
    c.ask(403, "COPY", one + "n.ics",
          Destination="/dav/ben%40one.example/calendar/n.ics")
    c.ask(403, "MOVE", one, Destination=home() + "other/")
    c.ask(400, "MOVE", one + "n.ics")


@test
def others_are_nobodys_business(c, server):
    theirs = "/dav/ben%40one.example/"
    ben = Client(server, OTHER, OTHER_WORD)
    ben.ask(201, "PUT", theirs + "calendar/s.ics", event("secret"))
    for method in ("PROPFIND", "GET", "PUT", "DELETE", "REPORT", "MKCOL"):
        c.ask(403, method, theirs + "calendar/s.ics",
              propfind("D:getetag") if method != "GET" else None, Depth="0")
        # No difference to somebody who is not there.
        c.ask(403, method, "/dav/nobody%40one.example/calendar/s.ics",
              propfind("D:getetag") if method != "GET" else None, Depth="0")
    c.ask(403, "PROPFIND", "/dav/principals/ben%40one.example/", Depth="0")
    c.ask(207, "REPORT", CAL, report(
        "C:calendar-multiget", f"<D:href>{theirs}calendar/s.ics</D:href>",
        "<C:calendar-data/>")).has("404").lacks("secret@")
    ben.ask(200, "GET", theirs + "calendar/s.ics")
    ben.close()


@test
def changes_outlive_the_processes(c, server):
    c.ask(201, "PUT", CAL + "kept.ics", event("kept"))
    server.kill()
    server.start()
    other = Client(server)
    other.ask(200, "GET", CAL + "kept.ics").has("UID:kept")
    assert in_range(other, CAL, "20260310T100000Z",
                    "20260310T101000Z") == ["kept"]
    other.close()


if __name__ == "__main__":
    (FOLDER / "main").mkdir()
    main = start(FOLDER / "main")
    try:
        status = TAP.run(main)
    finally:
        main.stop()
    sys.exit(status)
