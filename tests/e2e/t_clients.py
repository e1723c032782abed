#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""Programs that people use, unmodified, on a whole server: mbsync,
offlineimap, mutt, gsasl, curl, swaks, vdirsyncer and khal. Each gets a home folder
of its own; what it did is looked at from the other side."""
import mailbox
import os
import pathlib
import shutil
import subprocess
import sys
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import davclient  # noqa: E402
import mailserver  # noqa: E402
from server import Tap, wait_until  # noqa: E402

FOLDER = pathlib.Path(os.environ.get("TEST_DIR", "/tmp"))
TAP = Tap()
ANNA, BEN = "anna@one.example", "ben@one.example"
WORDS = mailserver.USERS
SECONDS = 60


class Home:
    """A folder for one program, and how it is called there."""

    def __init__(self, server, name):
        self.ca = str(server.folder / "cert.pem")
        self.folder = FOLDER / ("home-" + name)
        self.folder.mkdir()

    def write(self, name, text):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, newline="")
        return path

    def call(self, *command, text="", good=True):
        if not shutil.which(command[0]):
            raise AssertionError(f"{command[0]} is not installed; "
                                 "'./dev test' installs what tests need")
        environment = dict(
            os.environ, HOME=str(self.folder), LC_ALL="C.UTF-8", TERM="xterm",
            XDG_CONFIG_HOME=str(self.folder / ".config"),
            SSL_CERT_FILE=self.ca, REQUESTS_CA_BUNDLE=self.ca)
        done = subprocess.run(command, input=text, capture_output=True,
                              text=True, errors="replace", timeout=SECONDS,
                              env=environment, cwd=self.folder)
        assert (done.returncode == 0) == good, (command, done)
        return done.stdout


def message(subject, to=BEN, text="Bonjour, été."):
    return (f"From: Anna <{ANNA}>\r\nTo: {to}\r\nSubject: {subject}\r\n"
            "Date: Thu, 01 Jan 2026 10:00:00 +0000\r\n"
            "Message-ID: <" + subject.replace(" ", ".") + "@one.example>\r\n"
            "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
            "Content-Transfer-Encoding: 8bit\r\n\r\n" + text + "\r\n").encode()


def arrive(server, subject, **parts):
    """From outside, to Ben."""
    with mailserver.outside(server) as smtp:
        smtp.sendmail("someone@elsewhere.example", [BEN],
                      message(subject, **parts))


def found(server, who, *criteria, box="INBOX"):
    with mailserver.imap(server, who, box) as imap:
        return imap.search(None, *criteria)[1][0].split()


@TAP.test
def gsasl_signs_in(server):
    """SCRAM bound to the TLS connection, computed by another TLS library."""
    home = Home(server, "gsasl")
    command = ("gsasl", "--imap", "--connect",
               f"localhost:{server.ports['imap_port']}", "--x509-ca-file",
               home.ca, "--authentication-id", ANNA, "--authorization-id",
               ANNA, "--mechanism")
    for mechanism in ("SCRAM-SHA-256-PLUS", "PLAIN"):
        said = home.call(*command, mechanism, "--password", WORDS[ANNA])
        assert "Signed in" in said and "BYE" in said, said
        # 'p=tls-exporter' in base64.
        assert ("cD10bHMtZXhwb3J0ZXIs" in said) == ("PLUS" in mechanism)
        home.call(*command, mechanism, "--password", "wrong", good=False)


@TAP.test
def mbsync_both_ways(server):
    home = Home(server, "mbsync")
    (home.folder / "mail").mkdir()
    home.write("rc", f"""\
IMAPAccount a
Host localhost
Port {server.ports["imaps_port"]}
User {BEN}
Pass "{WORDS[BEN]}"
SSLType IMAPS
CertificateFile {home.ca}

IMAPStore far
Account a

MaildirStore near
Path {home.folder}/mail/
Inbox {home.folder}/mail/INBOX
SubFolders Verbatim

Channel c
Far :far:
Near :near:
Patterns *
Create Both
Expunge Both
SyncState *
""")
    arrive(server, "mbsync down")
    home.call("mbsync", "-c", "rc", "-a")
    box = mailbox.Maildir(home.folder / "mail/INBOX")
    key = next(k for k, m in box.items() if m["Subject"] == "mbsync down")
    mail = box[key]
    mail.set_flags("FS")
    box[key] = mail
    box.add(message("mbsync up"))
    box.flush()
    mailbox.Maildir(home.folder / "mail/Projekt").add(message("mbsync new"))
    home.call("mbsync", "-c", "rc", "-a")
    assert found(server, BEN, "FLAGGED", "SEEN", "SUBJECT", '"mbsync down"')
    assert found(server, BEN, "SUBJECT", '"mbsync up"')
    assert found(server, BEN, "SUBJECT", '"mbsync new"', box="Projekt")
    # Expunged here, gone there; deleted there, gone here.
    with mailserver.imap(server, BEN, "INBOX") as imap:
        number = imap.search(None, "SUBJECT", '"mbsync up"')[1][0].decode()
        imap.store(number, "+FLAGS", r"\Deleted")
        imap.expunge()
    box.remove(key)
    home.call("mbsync", "-c", "rc", "-a")
    assert not found(server, BEN, "SUBJECT", '"mbsync down"')
    assert not len(mailbox.Maildir(home.folder / "mail/INBOX"))


@TAP.test
def offlineimap_fetches(server):
    home = Home(server, "offlineimap")
    home.write("rc", f"""\
[general]
accounts = a
ui = basic
metadata = {home.folder}/meta
[Account a]
localrepository = near
remoterepository = far
[Repository near]
type = Maildir
localfolders = {home.folder}/mail
[Repository far]
type = IMAP
remotehost = localhost
remoteport = {server.ports["imap_port"]}
remoteuser = {BEN}
remotepass = {WORDS[BEN]}
ssl = no
starttls = yes
sslcacertfile = {home.ca}
""")
    arrive(server, "offlineimap down")
    try:
        home.call("offlineimap", "-c", "rc", "-o")
    except subprocess.TimeoutExpired:
        # Its own threads hang now and then; twice is not by chance.
        home.call("offlineimap", "-c", "rc", "-o")
    subjects = [m["Subject"] for m in
                mailbox.Maildir(home.folder / "mail/INBOX")]
    assert "offlineimap down" in subjects, subjects
    assert (home.folder / "mail/Sent").is_dir()


def mutt_home(server, name):
    home = Home(server, name)
    ports = server.ports
    home.write("rc", f"""\
set folder=imaps://localhost:{ports["imaps_port"]}/
set spoolfile=+INBOX
set record=+Sent
set imap_user="{BEN}"
set imap_pass="{WORDS[BEN]}"
set smtp_url=smtp://{urllib.parse.quote(BEN)}@localhost:{ports["submission_port"]}/
set smtp_pass="{WORDS[BEN]}"
set from={BEN}
set ssl_force_tls=yes
set ssl_verify_host=yes
set certificate_file={home.ca}
set ssl_ca_certificates_file={home.ca}
set ssl_usesystemcerts=no
set confirmappend=no
set delete=yes
set wait_key=no
set charset=utf-8
set editor=true
""")
    return home


@TAP.test
def mutt_sends_and_keeps_a_copy(server):
    home = mutt_home(server, "mutt-send")
    home.write("note.txt", "pièce jointe\n")
    home.call("mutt", "-F", "rc", "-s", "mutt sends", "-a", "note.txt", "--",
              ANNA, text="Bonjour été\n")
    wait_until(lambda: found(server, ANNA, "SUBJECT", '"mutt sends"'))
    assert found(server, BEN, "SUBJECT", '"mutt sends"', box="Sent")


@TAP.test
def mutt_reads_and_flags(server):
    home = mutt_home(server, "mutt-read")
    arrive(server, "mutt reads", text="À lire : été")
    keys = ("push '<limit>~s \"mutt reads\"<enter><display-message><exit>"
            f"<flag-message><pipe-message>cat > {home.folder}/piped<enter>"
            "<sync-mailbox><quit>'")
    # It wants a terminal: script(1) gives it one.
    home.write("keys", keys + "\n")
    home.call("script", "-qec", "mutt -F rc -e 'source keys'", "/dev/null")
    assert "À lire : été" in (home.folder / "piped").read_text()
    assert found(server, BEN, "SEEN", "FLAGGED", "SUBJECT", '"mutt reads"')


@TAP.test
def curl_sends_searches_and_fetches(server):
    home = Home(server, "curl")
    home.write("mail", message("curl sends").decode())
    common = ["curl", "--silent", "--show-error", "--cacert", home.ca,
              "--ssl-reqd", "--user", f"{BEN}:{WORDS[BEN]}"]
    inbox = f"imaps://localhost:{server.ports['imaps_port']}/INBOX"
    home.call(*common, "--mail-from", BEN, "--mail-rcpt", BEN,
              "--upload-file", "mail",
              f"smtps://localhost:{server.ports['submissions_port']}")
    wait_until(lambda: found(server, BEN, "SUBJECT", '"curl sends"'))
    shown = home.call(*common, inbox + "?SUBJECT%20%22curl%20sends%22")
    number = shown.split()[-1]
    assert "Subject: curl sends" in home.call(
        *common, f"{inbox};MAILINDEX={number}")
    home.call(*common, "--upload-file", "mail", inbox)
    assert len(found(server, BEN, "SUBJECT", '"curl sends"')) == 2


@TAP.test
def swaks_is_served_and_refused(server):
    home = Home(server, "swaks")
    out = ["swaks", "--server", "localhost", "--port",
           str(server.ports["submission_port"]), "--tls", "--tls-verify",
           "--tls-ca-path", home.ca, "--from", BEN, "--to", ANNA]
    login = ["--auth", "PLAIN", "--auth-user", BEN, "--auth-password"]
    home.call(*out, "--header", "Subject: swaks sends", *login, WORDS[BEN])
    wait_until(lambda: found(server, ANNA, "SUBJECT", '"swaks sends"'))
    home.call(*out, *login, "wrong", good=False)
    home.call(*out, good=False)  # no sign-in
    inward = ["swaks", "--server", "localhost", "--port",
              str(server.ports["smtp_port"]), "--from", "a@far.example"]
    home.call(*inward, "--to", "b@elsewhere.example", good=False)
    home.call(*inward, "--to", "nobody@one.example", good=False)


def event(uid, summary):
    return ("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\n"
            f"BEGIN:VEVENT\r\nUID:{uid}\r\nDTSTAMP:20260101T000000Z\r\n"
            "DTSTART:20260203T090000Z\r\nDTEND:20260203T100000Z\r\n"
            f"SUMMARY:{summary}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n")


def contact(uid, name):
    return (f"BEGIN:VCARD\r\nVERSION:3.0\r\nUID:{uid}\r\nFN:{name}\r\n"
            f"N:{name};;;;\r\nEMAIL:x@far.example\r\nEND:VCARD\r\n")


class Sync:
    """vdirsyncer between a folder of Anna's home and her collection."""

    def __init__(self, server, name, store, collection, ending):
        self.home = Home(server, name)
        self.near = self.home.folder / "near" / collection
        self.near.mkdir(parents=True)
        self.ending = ending
        self.far = davclient.home(ANNA) + collection + "/"
        self.client = davclient.Client(server, ANNA, WORDS[ANNA])
        self.home.write("config", f"""\
[general]
status_path = "{self.home.folder}/status"
[pair p]
a = "near"
b = "far"
collections = ["{collection}"]
conflict_resolution = "b wins"
[storage near]
type = "filesystem"
path = "{self.home.folder}/near"
fileext = "{ending}"
[storage far]
type = "{store}"
url = "https://127.0.0.1:{server.ports["https_port"]}/dav/"
username = "{ANNA}"
password = "{WORDS[ANNA]}"
verify = "{self.home.ca}"
""")
        self.home.call("vdirsyncer", "-c", "config", "discover",
                       text="y\ny\ny\n")

    def run(self):
        self.home.call("vdirsyncer", "-c", "config", "sync")

    def here(self):
        return {p.stem: p.read_text() for p in self.near.iterdir()}

    def write(self, uid, text):
        """As the user's program would: in the file that has this UID."""
        path = next((p for p in self.near.iterdir()
                     if f"UID:{uid}" in p.read_text()),
                    self.near / (uid + self.ending))
        path.write_text(text, newline="")

    def hrefs(self):
        listed = self.client.ask(207, "PROPFIND", self.far, Depth="1")
        return [h for h in listed.hrefs() if h.endswith(self.ending)]

    def there(self):
        return "".join(self.client.ask(200, "GET", h).text
                       for h in self.hrefs())


def crossing(server, name, store, collection, ending, make):
    sync = Sync(server, name, store, collection, ending)
    sync.write("near", make("near", "written here"))
    sync.client.ask(201, "PUT", f"{sync.far}far{ending}",
                    make("far", "written there"))
    sync.run()
    assert any("written there" in text for text in sync.here().values())
    assert "written here" in sync.there()
    # A change on each side; then both change the same one: the server's wins.
    sync.write("far", make("far", "changed here"))
    href = next(h for h in sync.hrefs()
                if "UID:near" in sync.client.ask(200, "GET", h).text)
    sync.client.ask(204, "PUT", href, make("near", "changed there"))
    sync.run()
    assert any("changed there" in text for text in sync.here().values())
    assert "changed here" in sync.there()
    sync.write("near", make("near", "loses"))
    sync.client.ask(204, "PUT", href, make("near", "wins"))
    sync.run()
    texts = " ".join(sync.here().values())
    assert "wins" in texts and "loses" not in texts + sync.there()
    # Removed on either side.
    next(p for p in sync.near.iterdir()
         if "UID:far" in p.read_text()).unlink()
    sync.client.ask(204, "DELETE", href)
    sync.run()
    assert not sync.here() and not sync.hrefs()
    sync.client.close()


@TAP.test
def vdirsyncer_keeps_a_calendar(server):
    crossing(server, "vdir-cal", "caldav", "calendar", ".ics", event)


@TAP.test
def vdirsyncer_keeps_contacts(server):
    crossing(server, "vdir-card", "carddav", "contacts", ".vcf", contact)


@TAP.test
def khal_shows_and_adds(server):
    sync = Sync(server, "khal", "caldav", "calendar", ".ics")
    sync.client.ask(201, "PUT", sync.far + "council.ics",
                    event("council", "Conseil municipal"))
    sync.run()
    sync.home.write("khal", f"""\
[calendars]
[[work]]
path = {sync.near}
[sqlite]
path = {sync.home.folder}/khal.db
[locale]
timeformat = %H:%M
dateformat = %Y-%m-%d
longdateformat = %Y-%m-%d
datetimeformat = %Y-%m-%d %H:%M
longdatetimeformat = %Y-%m-%d %H:%M
local_timezone = UTC
default_timezone = UTC
""")
    assert "Conseil municipal" in sync.home.call(
        "khal", "-c", "khal", "list", "2026-02-03", "2d")
    sync.home.call("khal", "-c", "khal", "new", "-a", "work", "2026-02-04",
                   "14:00", "15:00", "Venu de khal")
    sync.run()
    assert "Venu de khal" in sync.there()
    sync.client.close()


def main():
    server = mailserver.start(FOLDER, services="imapd smtpd caldavd")
    try:
        return TAP.run(server)
    finally:
        server.stop()


if __name__ == "__main__":
    sys.exit(main())
