#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""Reports that want a part of the data, expanded recurrences, or only busy
times; the calendar is that of RFC 4791, appendix B, and so are the answers."""
import html
import os
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from davclient import NAMES, Client, card, event, home, start  # noqa: E402
from server import Tap  # noqa: E402

FOLDER = pathlib.Path(os.environ.get("TEST_DIR", "/tmp"))
TAP = Tap()
CAL, BOOK = home() + "rfc4791/", home() + "contacts/"
UID = "00959BC664CA650E933C892C@example.com"
ZONE = """BEGIN:VTIMEZONE
TZID:US/Eastern
BEGIN:STANDARD
DTSTART:20001026T020000
RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10
TZNAME:EST
TZOFFSETFROM:-0400
TZOFFSETTO:-0500
END:STANDARD
BEGIN:DAYLIGHT
DTSTART:20000404T020000
RRULE:FREQ=YEARLY;BYDAY=1SU;BYMONTH=4
TZNAME:EDT
TZOFFSETFROM:-0500
TZOFFSETTO:-0400
END:DAYLIGHT
END:VTIMEZONE
"""


def part(uid, start, summary, *lines):
    return "\n".join(("BEGIN:VEVENT", "DTSTAMP:20060206T001121Z",
                      "DTSTART;TZID=US/Eastern:" + start, "DURATION:PT1H",
                      *lines, "SUMMARY:" + summary, "UID:" + uid,
                      "END:VEVENT\n"))


def calendar(*parts):
    return ("BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//Example Corp.//EN\n"
            + ZONE + "".join(parts) + "END:VCALENDAR\n").replace("\n", "\r\n")


TWO = calendar(
    part(UID, "20060102T120000", "Event #2", "RRULE:FREQ=DAILY;COUNT=5"),
    part(UID, "20060104T140000", "Event #2 bis",
         "RECURRENCE-ID;TZID=US/Eastern:20060104T120000"),
    part(UID, "20060106T140000", "Event #2 bis bis",
         "RECURRENCE-ID;TZID=US/Eastern:20060106T120000"))
RANGE = 'start="20060103T000000Z" end="20060105T000000Z"'


def query(c, data, inside=RANGE):
    answer = c.ask(207, "REPORT", CAL, f"<C:calendar-query {NAMES}><D:prop>"
                   f"{data}</D:prop><C:filter><C:comp-filter name='VCALENDAR'>"
                   "<C:comp-filter name='VEVENT'><C:time-range "
                   f"{inside}/></C:comp-filter></C:comp-filter></C:filter>"
                   "</C:calendar-query>", Depth="1")
    return texts(answer)


def texts(answer):
    found = re.findall(r"<C:calendar-data>(.*?)</C:calendar-data>",
                       answer.text, re.S)
    return [html.unescape(text).replace("\r\n", "\n") for text in found]


def lines(text, name):
    return re.findall(rf"^{name}[:;](.*)$", text, re.M)


@TAP.test
def expand(server):
    """RFC 4791 7.8.3."""
    c = Client(server)
    c.ask(201, "MKCALENDAR", CAL)
    c.ask(201, "PUT", CAL + "abcd2.ics", TWO)
    [text] = query(c, f"<C:calendar-data><C:expand {RANGE}/>"
                   "</C:calendar-data>")
    assert lines(text, "DTSTART") == ["20060103T170000Z", "20060104T190000Z"]
    assert lines(text, "RECURRENCE-ID") == ["20060103T170000Z",
                                            "20060104T170000Z"]
    assert lines(text, "SUMMARY") == ["Event #2", "Event #2 bis"]
    assert "RRULE" not in text and "VTIMEZONE" not in text
    assert "VERSION:2.0" in text
    # The same by multiget; what does not recur has no RECURRENCE-ID.
    c.ask(201, "PUT", CAL + "one.ics",
          calendar(part("one", "20060104T100000", "One")))
    answer = c.ask(207, "REPORT", CAL, f"<C:calendar-multiget {NAMES}><D:prop>"
                   f"<D:getetag/><C:calendar-data><C:expand {RANGE}/>"
                   f"</C:calendar-data></D:prop><D:href>{CAL}abcd2.ics"
                   f"</D:href><D:href>{CAL}none.ics</D:href><D:href>{CAL}"
                   "one.ics</D:href></C:calendar-multiget>")
    first, second = texts(answer)
    assert first == text
    assert lines(second, "DTSTART") == ["20060104T150000Z"]
    assert not lines(second, "RECURRENCE-ID")
    answer.has("none.ics</D:href><D:status>HTTP/1.1 404")
    c.close()


@TAP.test
def limit_recurrence_set(server):
    """RFC 4791 7.8.2."""
    c = Client(server)
    two = [t for t in query(c, "<C:calendar-data><C:limit-recurrence-set "
                            f"{RANGE}/></C:calendar-data>") if UID in t]
    assert lines(two[0], "SUMMARY") == ["Event #2", "Event #2 bis"]
    assert "RRULE" in two[0] and "VTIMEZONE" in two[0]
    c.close()


@TAP.test
def chosen_parts(server):
    """RFC 4791 7.8.1."""
    c = Client(server)
    [text] = [t for t in query(
        c, '<C:calendar-data><C:comp name="VCALENDAR"><C:prop name="VERSION"/>'
        '<C:comp name="VEVENT"><C:prop name="SUMMARY"/><C:prop name="UID"/>'
        '<C:prop name="DTSTART"/><C:prop name="DURATION" novalue="yes"/>'
        '</C:comp><C:comp name="VTIMEZONE"/></C:comp></C:calendar-data>')
        if UID in t]
    assert "PRODID" not in text and "DTSTAMP" not in text
    assert lines(text, "DURATION") == [""] * 3
    assert lines(text, "SUMMARY") == ["Event #2", "Event #2 bis",
                                      "Event #2 bis bis"]
    assert "TZID=US/Eastern:20060102T120000" in text
    assert ZONE in text
    # Nothing is said: all of it, as it was written.
    [text] = [t for t in query(c, "<C:calendar-data/>") if UID in t]
    assert text == TWO.replace("\r\n", "\n")
    c.close()


@TAP.test
def parts_of_a_card(server):
    c = Client(server)
    c.ask(201, "PUT", BOOK + "x.vcf", card("x", "Zoe"))
    shown = c.ask(207, "REPORT", BOOK, f"<A:addressbook-multiget {NAMES}>"
                  '<D:prop><A:address-data><A:prop name="VERSION"/>'
                  '<A:prop name="FN"/></A:address-data></D:prop>'
                  f"<D:href>{BOOK}x.vcf</D:href></A:addressbook-multiget>")
    shown.has("BEGIN:VCARD", "FN:Zoe", "VERSION:").lacks("\nN:", "UID:")
    c.close()


@TAP.test
def free_busy(server):
    """RFC 4791 7.10: instances, without what is transparent or cancelled;
    what overlaps is one."""
    c = Client(server)
    for name, line in (("free", "TRANSP:TRANSPARENT"),
                       ("off", "STATUS:CANCELLED"),
                       ("maybe", "STATUS:TENTATIVE")):
        c.ask(201, "PUT", f"{CAL}{name}.ics",
              calendar(part(name, "20060103T200000", name, line)))
    c.ask(201, "PUT", CAL + "next.ics",
          calendar(part("next", "20060103T123000", "overlaps")))
    def ask(status, inside):
        return c.ask(status, "REPORT", CAL, f"<C:free-busy-query {NAMES}>"
                     f"<C:time-range {inside}/></C:free-busy-query>")
    answer = ask(200, RANGE)
    assert answer.headers["Content-Type"].startswith("text/calendar")
    text = answer.text.replace("\r\n", "\n")
    assert lines(text, "FREEBUSY") == [
        "FBTYPE=BUSY:20060103T170000Z/20060103T183000Z",
        "FBTYPE=BUSY:20060104T150000Z/20060104T160000Z",
        "FBTYPE=BUSY:20060104T190000Z/20060104T200000Z",
        "FBTYPE=BUSY-TENTATIVE:20060104T010000Z/20060104T020000Z"], text
    assert lines(text, "DTSTART") == ["20060103T000000Z"]
    # What begins before the range, or ends after it, is cut off there.
    text = ask(200, 'start="20060104T153000Z" end="20060104T191500Z"').text
    assert lines(text.replace("\r\n", "\n"), "FREEBUSY") == [
        "FBTYPE=BUSY:20060104T153000Z/20060104T160000Z",
        "FBTYPE=BUSY:20060104T190000Z/20060104T191500Z"], text
    assert not lines(ask(200, 'start="20200101T000000Z" '
                         'end="20200102T000000Z"').text, "FREEBUSY")
    ask(400, 'start="20060105T000000Z" end="20060103T000000Z"')
    ask(400, 'start="soon" end="20060103T000000Z"')
    c.ask(403, "REPORT", BOOK, f"<C:free-busy-query {NAMES}/>")
    c.close()


@TAP.test
def rules_without_an_end(server):
    """Too many instances: that one says so, the others are answered."""
    c = Client(server)
    c.ask(201, "PUT", CAL + "storm.ics",
          event("storm", "RRULE:FREQ=SECONDLY"))
    wide = 'start="20060103T000000Z" end="20361231T000000Z"'
    answer = c.ask(207, "REPORT", CAL, f"<C:calendar-multiget {NAMES}><D:prop>"
                   f"<C:calendar-data><C:expand {wide}/></C:calendar-data>"
                   f"</D:prop><D:href>{CAL}storm.ics</D:href><D:href>{CAL}"
                   "abcd2.ics</D:href></C:calendar-multiget>")
    answer.has("storm.ics</D:href><D:status>HTTP/1.1 507",
               "number-of-matches-within-limits", "Event #2 bis bis")
    c.ask(403, "REPORT", CAL, f"<C:free-busy-query {NAMES}><C:time-range "
          f"{wide}/></C:free-busy-query>").has(
              "number-of-matches-within-limits")
    c.ask(204, "DELETE", CAL + "storm.ics")
    for bad in ('start="20060103T000000Z"', 'start="x" end="y"',
                'start="20060105T000000Z" end="20060103T000000Z"'):
        c.ask(400, "REPORT", CAL, f"<C:calendar-multiget {NAMES}><D:prop>"
              f"<C:calendar-data><C:expand {bad}/></C:calendar-data></D:prop>"
              f"<D:href>{CAL}x.ics</D:href></C:calendar-multiget>")
    c.close()


if __name__ == "__main__":
    main = start(FOLDER)
    try:
        status = TAP.run(main)
    finally:
        main.stop()
    sys.exit(status)
