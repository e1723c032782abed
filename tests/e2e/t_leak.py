#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""Nothing in clear: marked mail, events and contacts go in by SMTP, IMAP and
DAV, are read, searched, flagged, moved, renamed and queued as clients do; then
their marks are looked for in the raw bytes and names of everything below the
server's folder (data, log, sockets), in what its processes have open, and in
the places for temporary files: while serving, after each process was made to
dump core, after kill -9, and after a clean stop. The controls plant a mark, or
dump a core with one, and must find it."""
import base64
import os
import pathlib
import resource
import secrets
import signal
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import davclient
import mailserver
import server

tap = server.Tap()
SUFFIX = secrets.token_hex(3)
MARKS = {name: f"zq{name}{SUFFIX}" for name in (
    "subject fromname fromaddress toaddress body html attachname attachbody "
    "attachbase64 folder subfolder keyword messageid listid inreplyto draft "
    "queued queuedto renamed eventtitle eventplace eventnote attendee "
    "attendeename calendarname property resourcename contactname contactmail "
    "contactnote contactphoto bookname").split()}
BEGIN = time.time()
ANNA = "anna@one.example"


def message(extra=""):
    inner = base64.b64encode(
        ("xxx" + MARKS["attachbase64"] + " secret").encode()).decode()
    return (
        "From: {fromname} <{fromaddress}@far.example>\r\n"
        "To: {toaddress}@one.example\r\nSubject: Report {subject}\r\n"
        "Date: Mon, 5 Jan 2026 10:00:00 +0100\r\n"
        "Message-ID: <{messageid}@far.example>\r\n"
        "In-Reply-To: <{inreplyto}@far.example>\r\n"
        "List-Id: <{listid}.far.example>\r\nMIME-Version: 1.0\r\n"
        "Content-Type: multipart/mixed; boundary=BB\r\n\r\n"
        "--BB\r\nContent-Type: text/plain\r\n\r\nHello {body} text.\r\n"
        "--BB\r\nContent-Type: text/html\r\n\r\n<p>{html}</p>\r\n"
        "--BB\r\nContent-Type: text/plain; name=\"{attachname}.txt\"\r\n"
        "Content-Disposition: attachment\r\n\r\n{attachbody}\r\n"
        "--BB\r\nContent-Type: application/octet-stream\r\n"
        "Content-Transfer-Encoding: base64\r\n\r\n").format(
            **MARKS) + inner + "\r\n" + extra + "--BB--\r\n"


def patterns():
    found = {}
    for name, mark in MARKS.items():
        found[name] = [mark.encode(), mark.upper().encode(),
                       mark.encode("utf-16le"), mark.encode("utf-16be")]
        for shift in range(3):  # it may begin anywhere in a group of three
            text = base64.b64encode(b"x" * shift + mark.encode())
            found[name].append(text[4 if shift else 0:-4])
    return found


PATTERNS = patterns()


def leaks(*places):
    """(mark, file) for every mark in the bytes or names below `places`."""
    found, scanned = set(), 0
    for place in places:
        for path in [place, *place.rglob("*")]:
            for name, mark in MARKS.items():
                if mark.lower() in path.name.lower():
                    found.add((name, f"name {path.name}"))
            if path.is_symlink() or not path.is_file():
                continue
            data = path.read_bytes()
            scanned += len(data)
            for name, texts in PATTERNS.items():
                if any(text in data for text in texts):
                    found.add((name, path.name))
    return found, scanned


def open_elsewhere(s):
    """Files on a disk that the server's processes have open for writing outside
    its folder, deleted ones too; root only, for others they are hidden."""
    found = []
    for pid in processes(s).values():
        for fd in pathlib.Path(f"/proc/{pid}/fd").iterdir():
            try:
                target, mode = os.readlink(fd), fd.stat().st_mode
                flags = (fd.parent.parent / "fdinfo" / fd.name).read_text()
            except OSError:
                continue  # closed meanwhile
            writes = int(flags.split("flags:")[1].split()[0], 8) & 3
            if mode & 0o170000 == 0o100000 and writes and (
                    "(deleted)" in target
                    or not target.startswith(str(s.folder))):
                found.append(f"{pid} {target}")
    return found


def temporary():
    """Files that lie in the places for them."""
    return [path for place in ("/tmp", "/var/tmp", "/dev/shm")
            for path in pathlib.Path(place).iterdir()
            if path.is_file() and path.stat().st_mtime >= BEGIN]


def processes(s):
    """{name: pid} of all; the worker is a tenantd's."""
    rows = s.cli("health", "show")["rows"]
    return {f"{row['program']}-{row['pid']}": row["pid"] for row in rows}


def expect_none(s):
    found, scanned = leaks(s.folder, *temporary())
    assert not found, sorted(found)
    assert scanned > 100000, f"only {scanned} bytes were looked at"
    if s.process and os.geteuid() == 0:
        assert not open_elsewhere(s), open_elsewhere(s)


def use(s):
    with mailserver.outside(s) as c:
        c.sendmail(MARKS["fromaddress"] + "@far.example",
                   "anna@one.example", message())
        c.sendmail("x@far.example", "anna@one.example",
                   message("--BB\r\n\r\n" + MARKS["body"] * 20000 + "\r\n"))
    with mailserver.submission(s, "anna@one.example") as c:
        c.sendmail("anna@one.example",
                   [f"{MARKS['queuedto']}@elsewhere.example"],
                   f"Subject: {MARKS['queued']}\r\n\r\n" +
                   MARKS["queued"] * 1000)
    folder = f"{MARKS['folder']}/{MARKS['subfolder']}"
    with mailserver.imap(s, ANNA, "INBOX") as c:
        c.create(f'"{folder}"')
        c.subscribe(f'"{folder}"')
        c.append("Drafts", r"(\Draft)", None, MARKS["draft"].encode())
        c.append(f'"{folder}"', f"({MARKS['keyword']})", None,
                 message().encode())
        c.store("1", "+FLAGS", MARKS["keyword"])
        c.fetch("1:*", "(ENVELOPE BODYSTRUCTURE BODY.PEEK[])")
        for key in ("SUBJECT", "TEXT", "BODY"):
            c.search(None, key, MARKS["body"])
        c.copy("1", f'"{folder}"')
        c.rename(f'"{folder}"', f'"{MARKS["renamed"]}"')
        c.store("2", "+FLAGS", r"\Deleted")
        c.expunge()


def use_dav(s):
    c = davclient.Client(s, ANNA, mailserver.USERS[ANNA])
    home = davclient.home(ANNA)
    calendar, book = home + "work/", home + "people/"
    where = calendar + MARKS["resourcename"] + ".ics"
    c.ask(201, "MKCALENDAR", calendar)
    c.ask(207, "PROPPATCH", calendar, (
        f'<D:propertyupdate {davclient.NAMES}><D:set><D:prop><D:displayname>'
        f'{MARKS["calendarname"]}</D:displayname><x xmlns="u:x">'
        f'{MARKS["property"]}</x></D:prop></D:set></D:propertyupdate>'))
    event = davclient.event(
        "marked", f"SUMMARY:{MARKS['eventtitle']}",
        f"LOCATION:{MARKS['eventplace']}",
        f"DESCRIPTION:{MARKS['eventnote'] * 500}", "RRULE:FREQ=DAILY;COUNT=9",
        f"ORGANIZER:mailto:{ANNA}",
        f"ATTENDEE;CN={MARKS['attendeename']}:mailto:"
        f"{MARKS['attendee']}@far.example")
    c.ask(201, "PUT", where, event, Content_Type="text/calendar")
    c.ask(207, "REPORT", calendar, davclient.report(
        "C:calendar-query", '<C:filter><C:comp-filter name="VCALENDAR">'
        '<C:comp-filter name="VEVENT"><C:prop-filter name="SUMMARY">'
        f'<C:text-match>{MARKS["eventtitle"]}</C:text-match></C:prop-filter>'
        "</C:comp-filter></C:comp-filter></C:filter>"),
        Depth="1").has(MARKS["resourcename"])
    c.ask(201, "MKCOL", book, (
        f'<D:mkcol {davclient.NAMES}><D:set><D:prop><D:resourcetype>'
        "<D:collection/><A:addressbook/></D:resourcetype><D:displayname>"
        f'{MARKS["bookname"]}</D:displayname></D:prop></D:set></D:mkcol>'))
    photo = base64.b64encode(MARKS["contactphoto"].encode() * 2000).decode()
    c.ask(201, "PUT", book + "c.vcf", davclient.card(
        "c", MARKS["contactname"],
        f"EMAIL:{MARKS['contactmail']}@far.example",
        f"NOTE:{MARKS['contactnote']}", f"PHOTO;ENCODING=b:{photo}"),
        Content_Type="text/vcard")
    c.ask(200, "GET", where).has(MARKS["attendee"])
    c.ask(201, "MOVE", where, Destination=where + MARKS["renamed"])
    c.close()


@tap.test
def the_scanner_finds_a_planted_mark(s):
    for plant in (MARKS["body"].encode(), MARKS["body"].encode("utf-16le")):
        (s.data / "planted").write_bytes(b"\0" * 100 + plant)
        found, _ = leaks(s.data)
        (s.data / "planted").unlink()
        assert found == {("body", "planted")}, found
    (s.data / MARKS["folder"]).mkdir()
    found, _ = leaks(s.data)
    (s.data / MARKS["folder"]).rmdir()
    assert len(found) == 1, found


@tap.test
def the_marks_are_there_for_the_owner(s):
    use(s)
    use_dav(s)
    rows = s.cli("queue", "list", "one.example")["rows"]
    assert MARKS["queuedto"] in str(rows), rows
    text = b"".join(mailserver.texts(s, ANNA))
    for name in ("subject", "body", "attachbody", "messageid"):
        assert MARKS[name].encode() in text, name


@tap.test
def nothing_in_clear_while_serving(s):
    expect_none(s)


def crash(command, folder):
    """Dies of SIGSEGV in `folder`."""
    child = subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE)
    child.stdout.readline()
    child.send_signal(signal.SIGSEGV)
    child.wait()
    child.stdout.close()


@tap.test
def a_core_without_walls_is_found(s):
    """The control of the next one; nothing is left of it."""
    folder = s.folder / "plain"
    folder.mkdir()
    crash([sys.executable, "-c",
           f"x = 'zq' + {MARKS['body'][2:]!r}\nprint(1, flush=True)\n"
           "input() if 0 else __import__('time').sleep(60)"], folder)
    pattern = pathlib.Path("/proc/sys/kernel/core_pattern").read_text()
    if "/" not in pattern and not pattern.startswith("|"):
        found, _ = leaks(folder)
        assert found, "no core, or no mark in it"
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()


@tap.test
def no_process_leaves_a_core(s):
    """They may: the limit of this test, which they inherit, is lifted."""
    assert resource.getrlimit(resource.RLIMIT_CORE)[0] == \
        resource.RLIM_INFINITY
    assert MARKS["subject"].encode() in b"".join(mailserver.texts(s, ANNA))
    killed, places = set(), {s.folder}
    for name, pid in processes(s).items():
        program = name.rsplit("-", 1)[0]
        if program != "bastided":
            if os.geteuid() == 0:  # where its core would lie
                places.add(pathlib.Path(f"/proc/{pid}/cwd").resolve())
            os.kill(pid, signal.SIGSEGV)
            server.wait_until(lambda: not pathlib.Path(
                f"/proc/{pid}").exists())
            killed.add(program)
    assert killed >= {"tenantd", "keyd", "imapd", "smtpd", "caldavd",
                      "relayd"}, killed
    server.wait_until(lambda: readable(s), 30, 0.2)
    cores = [path for place in places for path in place.glob("core*")
             if path.is_file() and path.stat().st_mtime >= BEGIN]
    assert not cores, cores
    expect_none(s)


def readable(s):
    try:
        return mailserver.texts(s, ANNA)
    except (OSError, EOFError, mailserver.imaplib.IMAP4.error):
        return None


@tap.test
def nothing_in_clear_after_kill_9(s):
    s.kill()
    expect_none(s)
    s.start()
    text = b"".join(mailserver.texts(s, ANNA))
    assert MARKS["subject"].encode() in text, "lost"
    expect_none(s)


@tap.test
def nothing_in_clear_after_a_clean_stop(s):
    assert s.stop() == 0
    expect_none(s)


def main():
    folder = pathlib.Path(os.environ["TEST_DIR"])
    folder.chmod(0o755)
    resource.setrlimit(resource.RLIMIT_CORE, (
        resource.getrlimit(resource.RLIMIT_CORE)[1],) * 2)
    # Nobody listens there: what is queued stays.
    s = mailserver.start(
        folder, services="imapd smtpd caldavd relayd",
        smarthost=f"127.0.0.1:{server.free_ports(1)[0]}")
    try:
        return tap.run(s)
    finally:
        s.stop()


sys.exit(main())
