#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""Contexts (RFC 5267): a client that does what ADDTO and REMOVEFROM say has the
result that a new search gives, whatever two sessions do to the mailbox."""
# proves: CONTEXT=SEARCH CONTEXT=SORT
import functools
import os
import pathlib
import random
import re
import subprocess
import sys

source = pathlib.Path(os.environ["SOURCE_DIR"])
sys.path.insert(0, str(source / "tests/golden"))
import transcript  # noqa: E402

SEED = int(os.environ.get("SEED", "20260303"))
ROUNDS = 250
SEARCHES = ["SEARCH RETURN ({}) FLAGGED", "SEARCH RETURN ({}) NOT SEEN UID 3:*",
            "SORT RETURN ({}) (SUBJECT) UTF-8 UNSEEN",
            "SORT RETURN ({}) (REVERSE SIZE SUBJECT) UTF-8 ALL",
            "SORT RETURN ({}) (REVERSE DATE) UTF-8 OR FLAGGED KEYWORD $Two",
            "SORT RETURN ({}) (ARRIVAL) UTF-8 OR BODY seven KEYWORD $One"]


class Broken(Exception):
    pass


def numbers(text):
    out = []
    for part in text.split(","):
        low, _, high = part.partition(":")
        out += range(int(low), int(high or low) + 1)
    return out


class Client:
    """One session, and the results that it was told."""

    def __init__(self, player, key):
        self.player, self.key, self.results, self.n = player, key, {}, 0

    def ask(self, command, tag=None):
        self.n += 1
        tag = tag or f"t{self.n}"
        self.player.send(self.key, f"{tag} {command}")
        lines = []
        while True:
            line = self.player.read(self.key).decode()
            if line.startswith(tag + " "):
                if not line.startswith(tag + " OK"):
                    raise Broken(f"{command}: {line}")
                return lines
            lines.append(line)
            self.take(line)

    def append(self, raw, flags):
        self.player.connection(self.key)[0].sendall(
            f"a APPEND INBOX ({flags}) {{{len(raw)}+}}\r\n".encode() + raw
            + b"\r\n")
        while not (line := self.player.read(self.key).decode()).startswith("a "):
            self.take(line)

    def take(self, line):
        found = re.match(r'\* ESEARCH \(TAG "(\w+)"\) UID (ADDTO|REMOVEFROM)',
                         line)
        if not found:
            return
        result = self.results[found.group(1)]
        for what, pairs in re.findall(r"(ADDTO|REMOVEFROM) \(([^)]*)\)", line):
            words = pairs.split()
            for at, uids in zip(map(int, words[::2]), map(numbers, words[1::2])):
                self.change(result, what == "ADDTO", at, uids, line)

    @staticmethod
    def change(result, add, at, uids, line):
        if add and set(uids) & set(result) or not add and set(uids) - set(result):
            raise Broken(f"{line} with {result}")
        if add and at:
            result[at - 1:at - 1] = uids
        elif add:
            result[:] = sorted(result + uids)
        elif at and result[at - 1:at - 1 + len(uids)] != uids:
            raise Broken(f"{line} with {result}")
        else:
            result[:] = [uid for uid in result if uid not in uids]

    def found(self, search, options):
        lines = [line for line in self.ask("UID " + search.format(options))
                 if "ESEARCH" in line]
        all_of = re.search(r" ALL (\S+)", lines[-1])
        return numbers(all_of.group(1)) if all_of else []

    def watch(self):
        for n, search in enumerate(SEARCHES):
            tag = f"c{n}"
            self.results[tag] = []
            # Those that want FETCH take another way to their ADDTO.
            update = "UPDATE (UID ENVELOPE) ALL" if n % 2 else "UPDATE ALL"
            lines = self.ask("UID " + search.format(update), tag)
            all_of = re.search(r" ALL (\S+)", lines[-1])
            self.results[tag] += numbers(all_of.group(1)) if all_of else []

    def check(self):
        self.ask("NOOP")
        for n, search in enumerate(SEARCHES):
            have, want = self.results[f"c{n}"], self.found(search, "ALL")
            if have != want:
                raise Broken(f"{search}: told {have}, found {want}")


def message(rng):
    subject = rng.choice(["", "Re: "]) + rng.choice("abcde") * rng.randint(1, 2)
    return (f"Subject: {subject}\r\n"
            f"Date: {rng.randint(1, 5)} Feb 2026 10:00:00 +0000\r\n\r\n"
            f"{rng.choice(['one', 'seven', 'ten'])}\r\n").encode()


def act(rng, client):
    flags = rng.choice([r"\Flagged", r"\Seen", r"\Deleted", "$One", "$Two", ""])
    what = rng.randint(0, 7)
    low = rng.randint(1, 40)
    if what <= 2:
        client.append(message(rng), flags)
    elif what <= 5:
        client.ask(f"UID STORE {low}:{low + rng.randint(0, 9)} "
                   f"{rng.choice(['+', '-', ''])}FLAGS"
                   f"{rng.choice(['', '.SILENT'])} ({flags})")
    elif what == 6:
        client.ask("EXPUNGE")
    else:
        client.ask("SEARCH 1:* SEEN")


def play(player, rng):
    one, two = Client(player, ""), Client(player, "2")
    for client in one, two:
        player.read(client.key)
    for _ in range(12):
        one.append(message(rng), "")
    for client in one, two:
        client.ask("SELECT INBOX")
    one.watch()
    for _ in range(ROUNDS):
        for _ in range(rng.randint(1, 4)):
            act(rng, rng.choice([one, two]))
        one.check()


def main():
    rng = random.Random(SEED)
    folder = pathlib.Path(os.environ["TEST_DIR"]) / "store"
    folder.mkdir(mode=0o700)
    host = subprocess.Popen(
        [f"{os.environ['BUILD_DIR']}/tests/session/imap_host", str(folder)],
        stdout=subprocess.PIPE, text=True)
    port = int(host.stdout.readline().split()[1])
    why = None
    try:
        play(transcript.Player(functools.partial(
            transcript.connect_to, port)), rng)
    except (Broken, transcript.Failure) as broken:
        why = broken
    host.terminate()
    host.wait(30)
    print(f"not ok contexts: seed {SEED}: {why}" if why
          else f"ok {ROUNDS} rounds")
    return 1 if why else 0


sys.exit(main())
