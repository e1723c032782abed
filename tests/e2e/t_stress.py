#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""Many IMAP clients at once in few mailboxes, each with a model of its view. They
are of two users: both share one mailbox, and the other two are Anna's, of which
Ben is a delegate, so that copies and moves go between accounts.

Every response is held against the view (a number that is not there, a UID
that is another's, an EXPUNGE where none may come), and in the end every view,
brought up to date by NOOP or by QRESYNC, must be what a fresh session reads.

    t_stress.py                                       8 clients, 8 seconds
    t_stress.py --clients 50 --seconds 600 [--seed N]
"""
import argparse
import asyncio
import os
import pathlib
import random
import re
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import mailserver  # noqa: E402
from server import Tap  # noqa: E402

FOLDER = pathlib.Path(os.environ.get("TEST_DIR", "/tmp"))
TAP = Tap()
ANNA, BEN, _ = mailserver.USERS
INFO = "info@one.example"
BOXES = ("INBOX", "Archive", "Info")
NAMES = {
    ANNA: {"INBOX": "INBOX", "Archive": "Archive"},
    BEN: {box: f'"Other Users/{ANNA}/{box}"' for box in ("INBOX", "Archive")},
}
for name in NAMES.values():
    name["Info"] = f'"Shared/{INFO}/INBOX"'
FLAGS = (r"\Seen", r"\Flagged", r"\Answered", r"\Draft", "$Work", "later")
QUIET = {"FETCH", "STORE", "SEARCH"}  # RFC 9051 7.5.1: no EXPUNGE in these


class Deviation(AssertionError):
    pass


def numbers(text):
    """The UIDs of "1:3,7"."""
    for part in text.split(","):
        first, _, last = part.partition(":")
        yield from range(int(first), int(last or first) + 1)


def ranges(uids):
    return ",".join(map(str, sorted(uids)))


class Book:
    """What all clients together know for certain."""

    def __init__(self):
        self.identity = {}   # (box, uid) -> the message's own word
        self.gone = set()    # (box, uid) somebody was told of
        self.filed = set()   # (box, uid) the server acknowledged
        self.commands = 0

    def is_word(self, box, uid, word):
        known = self.identity.setdefault((box, uid), word)
        if known != word:
            raise Deviation(f"{box} UID {uid} was {known} and is {word}")


class Client:
    def __init__(self, book, name, chance, user, qresync):
        self.book, self.name, self.chance = book, name, chance
        self.user, self.names, self.qresync = user, NAMES[user], qresync
        self.box, self.view, self.flags, self.modseq = None, [], {}, {}
        self.validity = self.highest = None
        self.command, self.tags = "", 0
        self.deleted_here = set()

    # --- lines -------------------------------------------------------------

    async def open(self, port):
        self.reader, self.writer = await asyncio.open_connection(
            "127.0.0.1", port, ssl=mailserver.trust(), limit=1 << 22)
        await self.line()
        await self.run(
            f'LOGIN {self.user} "{mailserver.USERS[self.user]}"')
        if self.qresync:
            await self.run("ENABLE QRESYNC")

    async def line(self):
        """One response; literals are put in as they are."""
        text = ""
        while True:
            part = (await asyncio.wait_for(self.reader.readline(), 30)) \
                .decode("latin-1")
            if not part:
                raise Deviation(f"{self.name}: connection lost")
            text += part.rstrip("\r\n")
            literal = re.search(r"\{(\d+)\}$", text)
            if not literal:
                return text
            text += "\n" + (await self.reader.readexactly(
                int(literal.group(1)))).decode("latin-1")

    async def run(self, command, literal=None, good=("OK",)):
        self.tags += 1
        self.book.commands += 1
        tag = f"{self.name}.{self.tags}"
        words = command.split()
        self.command = words[1] if words[0] == "UID" else words[0]
        self.by_number = words[0] != "UID"
        data = f"{tag} {command}"
        if literal is not None:
            data += f" {{{len(literal)}+}}\r\n{literal}"
        self.writer.write(data.encode() + b"\r\n")
        lines = []
        while True:
            line = await self.line()
            if line.startswith(tag + " "):
                break
            if line.startswith("* "):
                self.take(line[2:])
                lines.append(line[2:])
        status = line[len(tag) + 1:]
        if not status.startswith(good):
            raise Deviation(f"{self.name}: {command[:80]}: {status}")
        self.command = ""
        return status, lines

    # --- the view ----------------------------------------------------------

    def wrong(self, line, why):
        raise Deviation(f"{self.name} in {self.box}, {self.command}: "
                        f"{line[:120]}: {why} (view of {len(self.view)})")

    def drop(self, uid):
        if uid is not None:
            self.book.gone.add((self.box, uid))
            self.flags.pop(uid, None)
            self.modseq.pop(uid, None)

    def take(self, line):
        number = re.match(r"(\d+) (EXISTS|EXPUNGE|FETCH)", line)
        if number:
            getattr(self, "on_" + number.group(2).lower())(
                int(number.group(1)), line)
        elif line.startswith("VANISHED (EARLIER) "):
            self.vanish(line, line[19:], True)
        elif line.startswith("VANISHED "):
            self.vanish(line, line[9:], False)
        elif (found := re.match(r"OK \[(UIDVALIDITY|HIGHESTMODSEQ) (\d+)",
                                line)):
            if found.group(1) == "UIDVALIDITY":
                self.validity = int(found.group(2))
            else:
                self.highest = int(found.group(2))

    def on_exists(self, n, line):
        if n < len(self.view):
            self.wrong(line, "EXISTS shrinks")
        self.view += [None] * (n - len(self.view))

    def on_expunge(self, n, line):
        if self.qresync:
            self.wrong(line, "EXPUNGE after QRESYNC")
        if self.by_number and self.command in QUIET:
            self.wrong(line, "EXPUNGE may not come here")
        if not 1 <= n <= len(self.view):
            self.wrong(line, "no such number")
        self.drop(self.view.pop(n - 1))

    def vanish(self, line, uids, earlier):
        if not self.qresync:
            self.wrong(line, "VANISHED without QRESYNC")
        if not earlier and self.by_number and self.command in QUIET:
            self.wrong(line, "VANISHED may not come here")
        for uid in numbers(uids):
            if uid in self.view:
                self.view.remove(uid)
                self.drop(uid)
            elif not earlier and None not in self.view:
                self.wrong(line, f"{uid} is not in the view")
            elif not earlier:
                # One of those whose UID was not asked for yet: they are
                # the newest, and ascend.
                self.view.pop(self.view.index(None))
                self.book.gone.add((self.box, uid))
                self.unsure = True

    def on_fetch(self, n, line):
        if not 1 <= n <= len(self.view):
            self.wrong(line, "no such number")
        uid = re.search(r"[( ]UID (\d+)", line)
        uid = int(uid.group(1)) if uid else self.view[n - 1]
        if uid is None:
            return
        if self.view[n - 1] is None and not self.unsure:
            self.view[n - 1] = uid
        if self.view[n - 1] != uid and not self.unsure:
            self.wrong(line, f"is UID {self.view[n - 1]}")
        flags = re.search(r"[( ]FLAGS \(([^)]*)\)", line)
        if flags:
            self.flags[uid] = frozenset(flags.group(1).split()) - {r"\Recent"}
        modseq = re.search(r"[( ]MODSEQ \((\d+)\)", line)
        if modseq:
            value = int(modseq.group(1))
            if value < self.modseq.get(uid, 0):
                self.wrong(line, f"modseq was {self.modseq[uid]}")
            self.modseq[uid] = value
            self.highest = max(self.highest or 0, value)
        word = re.search(r"Subject: (\S+)", line)
        if word:
            self.book.is_word(self.box, uid, word.group(1))

    def forget(self, box):
        self.box, self.view, self.unsure = box, [], False
        self.flags, self.modseq = {}, {}

    async def learn(self):
        """Names every message of the view."""
        for _ in range(50):
            self.unsure = False
            self.view = [None] * len(self.view)
            if not self.view:
                return
            # Some may be gone already, and are told with the NOOP.
            status, _ = await self.run("FETCH 1:* (UID FLAGS MODSEQ)",
                                       good=("OK", "NO [EXPUNGEISSUED]"))
            if status.startswith("OK") and None not in self.view:
                return
            await self.run("NOOP")
        raise Deviation(f"{self.name}: {self.box} cannot be read")

    async def select(self, box):
        self.forget(box)
        await self.run(f"SELECT {self.names[box]}")
        await self.learn()

    async def resync(self):
        """Away and back: only what changed is asked for."""
        await self.run("NOOP")
        await self.learn()
        box, known = self.box, list(self.view)
        flags, modseq = dict(self.flags), dict(self.modseq)
        validity, highest = self.validity, self.highest
        await self.run("UNSELECT")
        await asyncio.sleep(self.chance.random() / 10)
        self.forget(box)
        self.flags, self.modseq = flags, modseq
        self.view = known
        exists = len(known)
        take, self.take = self.take, self.take_resync
        self.pending = []
        await self.run(f"SELECT {self.names[box]} "
                       f"(QRESYNC ({validity} {highest}))")
        self.take = take
        told, news = self.split_resync()
        for line in told:
            if line.startswith("VANISHED (EARLIER) "):
                self.vanish(line, line[19:], True)
            elif re.match(r"\d+ EXISTS", line):
                exists = int(line.split()[0])
        if len(self.view) > exists:
            self.wrong("QRESYNC", f"{exists} exist")
        self.view += [None] * (exists - len(self.view))
        for line in told:
            if re.match(r"\d+ FETCH", line):
                self.on_fetch(int(line.split()[0]), line)
        if None in self.view:
            self.wrong(str(told), "new messages without FETCH")
        for line in news:
            self.take(line)
        if None in self.view:
            await self.learn()

    def split_resync(self):
        """What SELECT tells; and the news that came before it was done, which
        begin with an expunge or a second EXISTS."""
        exists = 0
        for at, line in enumerate(self.pending):
            exists += bool(re.match(r"\d+ EXISTS", line))
            if exists == 2 or re.match(r"VANISHED \d", line):
                return self.pending[:at], self.pending[at:]
        return self.pending, []

    def take_resync(self, line):
        self.pending.append(line)
        if line.startswith("OK [UIDVALIDITY") or \
                line.startswith("OK [HIGHESTMODSEQ"):
            Client.take(self, line)

    # --- commands ----------------------------------------------------------

    def some(self, most=5):
        known = [uid for uid in self.view if uid is not None]
        return self.chance.sample(known, min(len(known),
                                             self.chance.randint(1, most)))

    async def append(self):
        await self.append_to(self.chance.choice(BOXES))

    async def append_to(self, box):
        word = f"{self.name}x{self.tags}x{self.chance.getrandbits(40):x}"
        flags = " ".join(self.chance.sample(FLAGS, self.chance.randint(0, 2)))
        status, _ = await self.run(
            f"APPEND {self.names[box]} ({flags})", f"Subject: {word}\r\n\r\n"
            + "text\r\n" * self.chance.randint(0, 300))
        uid = int(re.search(r"APPENDUID \d+ (\d+)", status).group(1))
        self.book.is_word(box, uid, word)
        self.book.filed.add((box, uid))

    async def store(self):
        flag = self.chance.choice(FLAGS + (r"\Deleted",))
        sign = self.chance.choice(("+", "-", "+", ""))
        silent = self.chance.choice(("", ".SILENT"))
        uids = self.some()
        if self.chance.random() < 0.5 and uids:
            await self.run(f"UID STORE {ranges(uids)} {sign}FLAGS{silent} "
                           f"({flag})")
        elif uids:
            seqs = [self.view.index(uid) + 1 for uid in uids]
            await self.run(f"STORE {ranges(seqs)} {sign}FLAGS{silent} "
                           f"({flag})", good=("OK", "NO [EXPUNGEISSUED]"))
        if silent and not self.qresync:
            # What a silent STORE did is not told: ask.
            left = [uid for uid in uids if uid in self.view]
            if left:
                await self.run(f"UID FETCH {ranges(left)} (FLAGS MODSEQ)")

    async def fetch(self):
        uids = self.some(3)
        if uids:
            await self.run(f"UID FETCH {ranges(uids)} (UID FLAGS MODSEQ "
                           "BODY.PEEK[HEADER.FIELDS (SUBJECT)])")

    async def read(self):
        if self.view:
            await self.run(f"FETCH {self.chance.randint(1, len(self.view))} "
                           "(UID FLAGS BODY[])",
                           good=("OK", "NO [EXPUNGEISSUED]"))

    async def search(self):
        uids = self.some(1)
        if not uids or (self.box, uids[0]) not in self.book.identity:
            return
        word = self.book.identity[self.box, uids[0]]
        _, lines = await self.run(f"UID SEARCH TEXT {word}")
        found = [int(n) for line in lines if line.startswith("SEARCH")
                 for n in line.split()[1:]]
        for uid in found:
            self.book.is_word(self.box, uid, word)
        if uids[0] in self.view and uids[0] not in found and \
                not self.unsure:
            self.wrong(str(lines), f"{word} is not found")

    async def move(self):
        uids, box = self.some(3), self.chance.choice(BOXES)
        if not uids or box == self.box:
            return
        verb = self.chance.choice(("MOVE", "COPY"))
        status, lines = await self.run(
            f"UID {verb} {ranges(uids)} {self.names[box]}",
            good=("OK", "NO"))
        code = re.search(r"COPYUID \d+ (\S+) ([\d:,]+)",
                         status + " ".join(lines))
        if code:
            for old, new in zip(numbers(code.group(1)),
                                numbers(code.group(2))):
                self.book.filed.add((box, new))
                if verb == "MOVE" and old in self.view:
                    self.wrong(status, f"{old} was moved and stays")
                if (self.box, old) in self.book.identity:
                    self.book.is_word(box, new,
                                      self.book.identity[self.box, old])

    async def expunge(self):
        if self.chance.random() < 0.5:
            await self.run("EXPUNGE")
        elif self.view:
            await self.run(f"UID EXPUNGE {ranges(self.some() or [1])}")

    async def noop(self):
        await self.run(self.chance.choice(("NOOP", "CHECK")))
        if None in self.view:
            await self.learn()

    async def idle(self):
        self.tags += 1
        tag = f"{self.name}.{self.tags}"
        self.command, self.by_number = "IDLE", False
        self.writer.write(f"{tag} IDLE\r\n".encode())
        while not (line := await self.line()).startswith("+"):
            self.take(line[2:])
        await asyncio.sleep(self.chance.random() / 5)
        self.writer.write(b"DONE\r\n")
        while not (line := await self.line()).startswith(tag):
            self.take(line[2:])
        if None in self.view:
            await self.learn()

    async def elsewhere(self):
        if self.qresync:
            await self.resync()
        else:
            await self.select(self.chance.choice(BOXES))

    async def live(self, until):
        await self.select(self.chance.choice(BOXES))
        what = [self.append] * 4 + [self.store] * 6 + [self.fetch] * 4 + \
            [self.read] * 2 + [self.search, self.move, self.move,
                               self.expunge, self.expunge, self.noop,
                               self.noop, self.idle, self.elsewhere]
        while time.monotonic() < until:
            await self.chance.choice(what)()

    async def settle(self):
        """Hears the news; only what is new is asked for."""
        await self.run("NOOP")
        if self.unsure:
            await self.learn()
        elif None in self.view:
            await self.run(f"FETCH {self.view.index(None) + 1}:* "
                           "(UID FLAGS MODSEQ)")

    async def last_word(self):
        """Changes in the selected mailbox of which all others must hear."""
        await self.append_to(self.box)
        await self.settle()
        await self.run("STORE 1:* +FLAGS ($Last)")
        await self.run(f"STORE 1:{max(1, len(self.view) // 2)} FLAGS "
                       r"(\Seen $Half)")
        if len(self.view) > 2:
            await self.run(r"STORE 1,3 +FLAGS (\Deleted)")
            await self.run("EXPUNGE")

    async def copy_is_alike(self, box):
        """In another mailbox, perhaps of another account."""
        uid = self.view[0]
        flags = self.flags[uid]
        status, _ = await self.run(f"UID COPY {uid} {self.names[box]}")
        new = int(re.search(r"COPYUID \d+ \d+ (\d+)", status).group(1))
        await self.select(box)
        if self.flags[new] != flags:
            self.wrong(status, f"{set(self.flags[new])} and not {set(flags)}")


def compare(client, fresh):
    if client.view != fresh.view:
        raise Deviation(f"{client.name}: {client.box}: {client.view} "
                        f"and not {fresh.view}")
    for uid in fresh.view:
        if client.flags.get(uid) != fresh.flags[uid]:
            raise Deviation(f"{client.name}: {client.box} UID {uid}: "
                            f"{set(client.flags.get(uid, ()))} and not "
                            f"{set(fresh.flags[uid])}")


async def play(server, options):
    book, port = Book(), server.ports["imaps_port"]
    clients = [Client(book, f"c{k}", random.Random(options.seed * 1000 + k),
                      (ANNA, BEN)[k // 2 % 2], k % 4 in (1, 2))
               for k in range(options.clients)]
    server.cli("share", "create", INFO, ANNA)
    server.cli("share", "grant", INFO, BEN)
    server.cli("share", "grant", ANNA, BEN)
    for client in clients:
        await client.open(port)
    until = time.monotonic() + options.seconds
    await asyncio.gather(*(client.live(until) for client in clients))
    for client in clients:
        await client.settle()
    unseen = 0
    fresh = Client(book, "fresh", random.Random(1), BEN, False)
    await fresh.open(port)
    for box in BOXES:
        await fresh.select(box)
        await fresh.last_word()
        await fresh.learn()
        for client in clients:
            if client.box == box:
                await client.settle()
                compare(client, fresh)
                if client.qresync:
                    await client.resync()
                    compare(client, fresh)
        # Whatever was filed is there, or somebody heard that it went.
        lost = {uid for where, uid in book.filed if where == box} \
            - set(fresh.view) - {uid for where, uid in book.gone
                                 if where == box}
        unseen += len(lost)
        await fresh.copy_is_alike(BOXES[BOXES.index(box) - 1])
    print(f"# {book.commands} commands, {len(book.filed)} filed, "
          f"{len(book.gone)} seen to go, {unseen} went unseen", flush=True)
    assert book.commands > options.clients * options.seconds, book.commands
    assert len(book.gone) > options.clients, "too little happened"


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


@TAP.test
def every_view_is_what_the_model_says(server, options):
    asyncio.run(play(server, options))


@TAP.test
def nothing_is_damaged(server, options):
    assert server.cli("check")["verdict"] == "ok"


if __name__ == "__main__":
    chosen = arguments()
    main = mailserver.start(FOLDER)
    try:
        status = TAP.run(main, chosen)
    finally:
        main.stop()
    sys.exit(status)
