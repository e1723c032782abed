#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""Shared mailboxes in a whole server: one command makes and grants one, mail for
it arrives there, its members see it, what is done there is audited, and what is
taken back ends at once."""
import imaplib
import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import mailserver  # noqa: E402
from server import Failed, Tap, wait_until  # noqa: E402

FOLDER = pathlib.Path(os.environ.get("TEST_DIR", "/tmp"))
TAP = Tap()
ANNA, BEN, ZOE = mailserver.USERS
INFO = "info@one.example"
BOX = f'"Shared/{INFO}/INBOX"'


def names(answer):
    return [line.decode().split('"/" ')[1].strip('"') for line in answer[1]
            if line]


def acts(server):
    """The audit as (action, target, detail)."""
    rows, after = [], []
    while True:
        page = server.cli("audit", "list", "one.example", *after)
        rows += page["rows"]
        if "next" not in page:
            break
        after = ["--after", str(page["next"])]
    return [(r["action"], r["target"], r["detail"]) for r in rows]


def watch(connection, *words):
    """NOTIFY SET; what it tells at first."""
    imaplib.Commands["NOTIFY"] = imaplib.Commands["NOOP"]
    status, _ = connection.xatom("NOTIFY", "SET", *words)
    assert status == "OK", status
    return [line for kind in ("STATUS", "LIST") for line in
            connection.response(kind)[1] if line]


def hears(connection, *wanted):
    """The next lines, that nobody has asked for, begin so."""
    for start in wanted:
        line = connection.readline()
        assert line.startswith(start.encode()), (line, start)


def refused(function, *arguments):
    try:
        answer = function(*arguments)
    except (imaplib.IMAP4.error, Failed) as why:
        return str(why)
    assert answer[0] == "NO", answer
    return str(answer[1])


@TAP.test
def one_command_makes_and_grants(server):
    server.cli("share", "create", INFO, ANNA, "--name", "Info desk")
    with mailserver.imap(server, ANNA) as anna:
        assert f"Shared/{INFO}/INBOX" in names(anna.list())
        # Clients that show subscribed mailboxes only see it too.
        assert f"Shared/{INFO}/INBOX" in names(anna.lsub())
        assert f"Shared/{INFO}/Sent" in names(anna.lsub())
        assert anna.select(BOX)[0] == "OK"
    with mailserver.imap(server, BEN) as ben:
        assert not any("Shared" in name for name in names(ben.list()))
        assert "NONEXISTENT" in refused(ben.select, BOX)
    row = server.cli("user", "show", INFO)
    assert row["shared"] is True and row["name"] == "Info desk", row
    assert "exist" in refused(server.cli, "share", "create", INFO, ANNA)


@TAP.test
def its_mail_arrives(server):
    with mailserver.imap(server, ANNA, BOX) as anna:
        with mailserver.outside(server) as sender:
            sender.sendmail("x@elsewhere.example", [INFO],
                            "Subject: to the desk\r\n\r\nhello desk\r\n")
        wait_until(lambda: anna.noop() and anna.search(
            None, "SUBJECT", "desk")[1] == [b"1"])
        body = anna.fetch("1", "(BODY[TEXT])")[1][0][1]
        assert body == b"hello desk\r\n", body
        assert anna.store("1", "+FLAGS", "(\\Flagged)")[0] == "OK"
        assert anna.copy("1", "INBOX")[0] == "OK"
    texts = mailserver.texts(server, ANNA)
    assert any(b"hello desk" in text for text in texts), texts


@TAP.test
def nobody_signs_in_as_it(server):
    server.cli("credential", "create", INFO, password="desk word")
    with imaplib.IMAP4_SSL("127.0.0.1", server.ports["imaps_port"],
                           ssl_context=mailserver.trust(),
                           timeout=30) as connection:
        assert "AUTHENTICATIONFAILED" in refused(
            connection.login, INFO, "desk word")


@TAP.test
def a_group_gets_and_loses_it(server):
    server.cli("group", "create", "one.example", "desk")
    assert "exist" in refused(server.cli, "group", "create", "one.example",
                              "DESK")
    server.cli("share", "grant", INFO, "$desk", "--rights", "lr")
    server.cli("group", "create", "one.example", "other")
    server.cli("member", "create", BEN, "other")
    with mailserver.imap(server, BEN) as ben:
        assert "NONEXISTENT" in refused(ben.select, BOX)
    server.cli("member", "delete", BEN, "other")
    server.cli("group", "delete", "one.example", "other")
    server.cli("member", "create", BEN, "desk")
    assert [row["address"] for row in server.cli(
        "member", "list", "one.example", "desk")["rows"]] == [BEN]
    assert server.cli("group", "list", "one.example")["rows"] == [
        {"group": "desk", "members": 1}]
    with mailserver.imap(server, BEN) as ben:
        assert f"Shared/{INFO}/INBOX" in names(ben.lsub())
        assert ben.select(BOX, readonly=True)[0] == "OK"
        assert "NOPERM" in refused(ben.append, BOX, "", None, b"a\r\n\r\nb")
        with mailserver.imap(server, BEN) as watcher:
            watch(watcher, f'(subtree "Shared/{INFO}/INBOX"',
                  "(MailboxName))")
            server.cli("member", "delete", BEN, "desk")
            hears(watcher, "* LIST (\\NonExistent \\NoAccess) ")
        try:
            ben.noop()
        except imaplib.IMAP4.abort:
            pass  # BYE came
        else:
            raise AssertionError("it goes on")
    with mailserver.imap(server, BEN) as ben:
        assert not any("Shared" in name for name in names(ben.list()))


@TAP.test
def one_mailbox_of_a_user(server):
    server.cli("share", "grant", ANNA, BEN, "--mailbox", "Drafts", "--rights",
               "lrw")
    rows = server.cli("share", "show", ANNA)["rows"]
    assert rows == [{"mailbox": "Drafts", "who": BEN, "rights": "lrw"}], rows
    with mailserver.imap(server, BEN) as ben:
        assert [name for name in names(ben.list()) if "Users/" in name] == [
            f"Other Users/{ANNA}", f"Other Users/{ANNA}/Drafts"]
    server.cli("share", "revoke", ANNA, BEN, "--mailbox", "Drafts")
    assert server.cli("share", "show", ANNA)["rows"] == []
    with mailserver.imap(server, BEN) as ben:
        assert not any("Users" in name for name in names(ben.list()))
    for words in ([ANNA, "nobody@one.example"], [ANNA, "$nogroup"],
                  [ANNA, ZOE], [ANNA, BEN, "--rights", "lrZ"],
                  [ANNA, BEN, "--mailbox", "Nowhere"]):
        refused(server.cli, "share", "grant", *words)
    assert server.cli("share", "show", ANNA)["rows"] == []


@TAP.test
def another_tenant_is_another_world(server):
    server.cli("share", "grant", INFO, "anyone", "--rights", "lr")
    with mailserver.imap(server, BEN) as ben:
        assert f"Shared/{INFO}/INBOX" in names(ben.list())
    with mailserver.imap(server, ZOE) as zoe:
        assert not any("Shared" in name for name in names(zoe.list()))
        assert "NONEXISTENT" in refused(zoe.select, BOX)
        assert "NONEXISTENT" in refused(
            zoe.select, f'"Other Users/{ANNA}/INBOX"')
    server.cli("share", "revoke", INFO, "anyone")


@TAP.test
def an_alias_names_no_mailbox(server):
    server.cli("alias", "create", INFO, "help@one.example")
    with mailserver.imap(server, ANNA) as anna:
        assert "NONEXISTENT" in refused(
            anna.select, '"Shared/help@one.example/INBOX"')


@TAP.test
def every_access_is_audited(server):
    server.cli("share", "grant", INFO, ANNA, "--rights", "lra", "--mailbox",
               "Drafts")
    with mailserver.imap(server, ANNA) as anna:
        assert anna.setacl(BOX.replace("INBOX", "Drafts"), BEN,
                           "lr")[0] == "OK"
        for _ in range(3):
            assert anna.status(BOX, "(MESSAGES)")[0] == "OK"
    done = acts(server)
    # A client asks for it every few minutes: once in a session.
    assert done.count(("imap.STATUS", f"{INFO} INBOX", "")) == 1, done
    for wanted in (("imap.SELECT", f"{INFO} INBOX", ""),
                   ("imap.FETCH", f"{INFO} INBOX", "1"),
                   ("imap.STORE", f"{INFO} INBOX", "1"),
                   ("imap.COPY", f"{INFO} INBOX", "1"),
                   ("imap.APPEND", f"{INFO} INBOX", "denied"),
                   ("imap.SETACL", f"{INFO} Drafts", f"{BEN} lr"),
                   ("share.grant", INFO, "administrator who=$desk rights=lr"),
                   ("member.create", BEN, "administrator group=desk")):
        assert wanted in done, (wanted, done)
    # One's own mailboxes are one's own business.
    assert not any(target.startswith(ANNA) and action.startswith("imap.")
                   for action, target, _ in done), done


@TAP.test
def news_are_audited_once(server):
    """With each NOTIFY, before the first; a name alone is not."""
    def audited():
        return acts(server).count(("imap.NOTIFY", f"{INFO} INBOX", ""))

    def comes(number):
        with mailserver.outside(server) as sender:
            sender.sendmail("x@elsewhere.example", [INFO],
                            f"Subject: news {number}\r\n\r\nnews\r\n")
        hears(anna, f"* STATUS Shared/{INFO}/INBOX ")

    events = "(MessageNew MessageExpunge MailboxMetadataChange))"
    with mailserver.imap(server, ANNA) as anna, \
            mailserver.imap(server, ANNA) as other:
        assert watch(anna, f"(mailboxes {BOX}", "(MailboxName))") == []
        assert watch(anna, f"(mailboxes {BOX}", events) == []
        assert audited() == 0, acts(server)
        comes(1)
        assert audited() == 1, acts(server)
        comes(2)
        other.create(f'"Shared/{INFO}/News"')
        comes(3)
        assert audited() == 1, acts(server)
        assert len(watch(anna, "STATUS", f"(mailboxes {BOX}", events)) == 1
        assert audited() == 2, acts(server)
        comes(4)
        assert watch(anna, f"(mailboxes {BOX}", events) == []
        assert other.xatom("SETMETADATA", BOX,
                           '(/private/comment "x")')[0] == "OK"
        hears(anna, f"* METADATA Shared/{INFO}/INBOX ")
        assert audited() == 3, acts(server)


@TAP.test
def what_comes_unasked_is_audited(server):
    """FETCH of new messages, which NOTIFY wants, of the selected mailbox."""
    def audited():
        return [detail for action, target, detail in acts(server)
                if (action, target) == ("imap.uid-FETCH", f"{INFO} INBOX")]

    with mailserver.imap(server, ANNA, BOX) as anna:
        before = audited()
        watch(anna, "(selected (MessageNew (UID ENVELOPE) MessageExpunge))")
        uidnext = int(anna.response("UIDNEXT")[1][0] or 0)
        with mailserver.outside(server) as sender:
            sender.sendmail("x@elsewhere.example", [INFO],
                            "Subject: unasked\r\n\r\nnews\r\n")
        while b"FETCH (UID " not in (line := anna.readline()):
            assert b"EXISTS" in line or b"RECENT" in line, line
        assert audited() == before + [f"{uidnext}:{uidnext}"], audited()


@TAP.test
def it_is_deleted_under_its_readers(server):
    text = b"Subject: large\r\n\r\n" + (b"x" * 70 + b"\r\n") * 30000
    with mailserver.imap(server, ANNA, BOX) as anna, \
            mailserver.imap(server, ANNA, "Drafts") as busy, \
            mailserver.imap(server, ANNA) as watcher:
        for _ in range(10):
            assert busy.append("Drafts", "", None, text)[0] == "OK"
        for connection in (busy, watcher):
            watch(connection, "(subtree Shared", "(MailboxName))")
        # It waits for its client, and for nothing else.
        busy.send(b"x1 FETCH 1:* BODY.PEEK[]\r\n")
        hears(busy, "* ")
        server.cli("user", "delete", INFO, INFO)
        hears(watcher, *["* LIST (\\NonExistent"] * 3)
        while not (line := busy.readline()).startswith(b"x1 "):
            pass
        assert line.startswith(b"x1 OK"), line
        hears(busy, *["* LIST (\\NonExistent"] * 3)
        try:
            anna.noop()
        except imaplib.IMAP4.abort:
            pass
        else:
            raise AssertionError("it goes on")
    with mailserver.imap(server, ANNA) as anna:
        assert not any("Shared" in name for name in names(anna.list()))
    assert server.cli("check")["verdict"] == "ok"


if __name__ == "__main__":
    main = mailserver.start(FOLDER)
    try:
        status = TAP.run(main)
    finally:
        main.stop()
    sys.exit(status)
