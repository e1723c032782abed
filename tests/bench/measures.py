# SPDX-License-Identifier: EUPL-1.2
"""What is measured: the table ALL at the end is the only list."""
import contextlib
import dataclasses
import imaplib
import json
import re
import ssl
import statistics
import subprocess
import time
from typing import Callable

import servers

EVERYONE = ("Bastide", "Dovecot", "Dovecot crypt")
WITH_ALWAYS = ("Bastide", "Dovecot", "Dovecot always", "Dovecot crypt")
WITH_SHARED = ("Bastide", "Dovecot", "Dovecot shared")
PLAIN = ("Bastide", "Dovecot")
IDLE = 500
# Account of the read measures; the appends use those from 0 on.
READER = 10


class Context:
    """Sizes, the load generator, and what has been prepared."""

    def __init__(self, options, folder, progress):
        self.options = options
        self.quick = options.quick
        self.folder = folder
        self.progress = progress
        self.messages = 4000 if self.quick else 20000
        self.copies = 5  # of them in the large mailbox
        self.seconds = 1 if self.quick else 2
        self.firsts = 3  # mailboxes that nobody has looked into
        self.filled = False
        self.tenants = None
        self.idle_before = {}
        self.program = f"{options.build}/tests/bench/imapload"

    def accounts(self, server, first, count):
        """A file with some of the server's accounts."""
        lines = server.accounts.read_text().splitlines()[first:first + count]
        path = server.folder / f"accounts-{first}-{count}"
        path.write_text("\n".join(lines) + "\n")
        return path

    def command(self, server, mode, accounts, **keys):
        return [self.program, mode, f"port={server.imaps}",
                f"accounts={accounts}", *(f"{k}={v}" for k, v in keys.items())]

    def load(self, server, mode, first=0, count=1, **keys):
        done = subprocess.run(
            self.command(server, mode, self.accounts(server, first, count),
                         **keys), stdout=subprocess.PIPE, text=True,
            timeout=300, stdin=subprocess.DEVNULL, check=True)
        return json.loads(done.stdout)

    def of(self, server):
        """How many messages its mailboxes have."""
        return int(self.messages * server.share)


# --- preparing -------------------------------------------------------------

def nothing(context, running):
    """The measure needs no mail in the store."""


def fill(context, running):
    """Mailbox Read, copies that nobody has looked into, and a large one."""
    if context.filled:
        return
    context.filled = True
    for server in running:
        if server.name not in EVERYONE:
            continue
        n = context.of(server)
        done = context.load(server, "fill", READER, n=n, mailbox="Read")
        context.progress(f"{server.name}: {n} messages, "
                         f"{done['per_s']:.0f} a second")
        for k in range(context.firsts):
            copy(context, server, f"First{k}", 1)
        if server.name in PLAIN:
            copy(context, server, "Large", context.copies)


def copy(context, server, mailbox, times):
    command = f"COPY 1:* {mailbox}"
    context.load(server, "command", READER, mailbox="Read",
                 command=f"CREATE {mailbox}")
    context.load(server, "command", READER, mailbox="Read", command=command,
                 n=times)


# --- measuring: each gives the value of one server in one round ---------------

def append(clients, accounts):
    def run(context, server, number):
        return context.load(server, "append", 0, accounts, clients=clients,
                            seconds=context.seconds)["per_s"]
    return run


def fetch(mailbox, items):
    def run(context, server, number):
        done = context.load(server, "fetch", READER, items=items,
                            mailbox=mailbox.format(number))
        assert done["n"] == context.of(server), done
        return done["per_s"]
    return run


def flags(context, server, number):
    done = context.load(server, "fetch", READER, items="UID FLAGS",
                        mailbox="Large")
    assert done["n"] == context.messages * context.copies, done
    return done["per_s"]


def logins(context, server, number):
    return context.load(server, "logins", 0, 8, clients=8,
                        seconds=context.seconds)["per_s"]


# --- a client that was away ------------------------------------------------------

CHANGED, EXPUNGED = 150, 50


@contextlib.contextmanager
def resyncing(server):
    """A session with QRESYNC on, as (ask, lines of an answer)."""
    login, word = server.accounts.read_text().splitlines()[READER].split()
    trust = ssl.create_default_context()
    trust.check_hostname = False
    trust.verify_mode = ssl.CERT_NONE
    with imaplib.IMAP4_SSL("127.0.0.1", server.imaps, ssl_context=trust,
                           timeout=120) as connection:
        connection.login(login, word)

        def ask(command):
            connection.send(f"q {command}\r\n".encode())
            answer = b""
            # Whole pieces: the client's own lines are no part of the time.
            while not answer[answer.rfind(b"\n", 0, -1) + 1:].startswith(b"q ") \
                    or not answer.endswith(b"\n"):
                answer += connection.sock.recv(1 << 20)
            lines = answer.splitlines(keepends=True)
            assert lines[-1].startswith(b"q OK"), lines[-1]
            return lines
        ask("ENABLE QRESYNC")
        yield ask


def number_of(code, lines):
    return int(re.search(rb"\[%s (\d+)" % code, b"".join(lines)).group(1))


def resync(context, server, number):
    """SELECT with QRESYNC of the large mailbox, 200 changes later."""
    with resyncing(server) as ask:
        lines = ask("SELECT Large")
        known = (number_of(b"UIDVALIDITY", lines),
                 number_of(b"HIGHESTMODSEQ", lines))
        uids = [int(uid) for uid in re.findall(
            rb"\(UID (\d+)\)", b"".join(ask("UID FETCH 1:* (UID)")))]
        step = len(uids) // (CHANGED + EXPUNGED)
        touched = uids[number::step][:CHANGED + EXPUNGED]
        chosen = [",".join(map(str, part)) for part in
                  (touched[:CHANGED], touched[CHANGED:])]
        ask(f"UID STORE {chosen[0]} +FLAGS.SILENT (\\Answered mark{number})")
        ask(f"UID STORE {chosen[1]} +FLAGS.SILENT (\\Deleted)")
        ask(f"UID EXPUNGE {chosen[1]}")
    times = []
    for _ in range(5):
        with resyncing(server) as ask:
            begin = time.perf_counter()
            lines = ask(f"SELECT Large (QRESYNC ({known[0]} {known[1]}))")
            times.append((time.perf_counter() - begin) * 1000)
        told = sum(b" FETCH " in line for line in lines)
        assert told == CHANGED, told
        assert any(b"VANISHED (EARLIER)" in line for line in lines)
    return statistics.median(times)


# --- searching and waiting --------------------------------------------------------

def search(word, hits):
    """Messages looked through per second."""
    def run(context, server, number):
        n = context.of(server)
        done = context.load(
            server, "command", READER, mailbox="Read",
            command=f"SEARCH TEXT {word.format(n // 2 + number)}")
        assert done["hits"] == (1 if hits == 1 else n), done
        return n / done["median_ms"] * 1000
    return run


def ordered(command):
    """The time of a command over the large mailbox, asked for the second time."""
    def run(context, server, number):
        return context.load(server, "command", READER, mailbox="Large",
                            command=command, n=3)["median_ms"]
    return run


def select(context, server, number):
    done = context.load(server, "select", READER, mailbox="Large", n=11)
    assert done["exists"] == context.messages * context.copies, done
    return done["median_ms"]


def idle(context, server, number):
    """KiB of memory (PSS of all its processes) for each idle connection."""
    # Only before the first round: what a round freed is used again.
    if server.name not in context.idle_before:
        context.idle_before[server.name] = servers.memory_kib(
            servers.processes_of(server.pid))
    command = context.command(server, "idle",
                              context.accounts(server, 0, servers.USERS),
                              clients=IDLE)
    with subprocess.Popen(command, stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout.readline() == "ready\n"
        time.sleep(2)
        after = servers.memory_kib(servers.processes_of(server.pid))
        holder.communicate("")
    time.sleep(2)
    return (after - context.idle_before[server.name]) / IDLE


CROWD, BUSY = 10000, 500


def crowd(context, server, number):
    """10,000 idle and 500 busy sessions for five minutes (`--quick`: one): KiB
    for each idle one. Nothing may be refused, and memory stays flat."""
    before = servers.memory_kib(servers.processes_of(server.pid))
    everyone = context.accounts(server, 0, servers.USERS)
    idle = context.command(server, "idle", everyone, clients=CROWD)
    with subprocess.Popen(idle, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          text=True) as holder:
        assert holder.stdout.readline() == "ready\n", "the idle were refused"
        time.sleep(2)
        held = servers.memory_kib(servers.processes_of(server.pid))
        busy = context.command(server, "busy", everyone, clients=BUSY,
                               seconds=60 if context.quick else 300,
                               size=2000)
        with subprocess.Popen(busy, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, text=True) as worker:
            sizes = []
            while worker.poll() is None:
                time.sleep(5)
                sizes.append(servers.memory_kib(
                    servers.processes_of(server.pid)))
            done = json.loads(worker.stdout.read())
            assert worker.returncode == 0, "the busy were refused"
        holder.communicate("")
        assert holder.returncode == 0
    half = sizes[1:-1]
    context.progress(
        f"{CROWD} idle, {BUSY} busy: {done['n']} commands, median "
        f"{done['median_ms']:.1f} ms, p99 {done['p99_ms']:.0f} ms; MiB "
        f"{before // 1024} empty, {held // 1024} idle, busy "
        f"{half[0] // 1024} to {max(half) // 1024}, {half[-1] // 1024} last")
    return (held - before) / CROWD


def arrive(context, server, number):
    return context.load(server, "arrive", READER + 1,
                        delivery=server.delivery, size=4000,
                        command=server.greeting,
                        n=10 if context.quick else 20)["median_ms"]


def arrive_late(context, server, number):
    return context.load(server, "arrive", READER + 1,
                        delivery=server.delivery, size=4000,
                        command=server.greeting,
                        n=100 if context.quick else 300)["p99_ms"]


@contextlib.contextmanager
def appending(context, server):
    """Four clients append in other accounts as long as this lasts."""
    command = context.command(server, "append",
                              context.accounts(server, 20, 4), clients=4,
                              seconds=3600)
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL)
    try:
        time.sleep(0.5)
        yield
        assert process.poll() is None, "the appends ended early"
    finally:
        process.kill()
        process.wait()


def arrive_busy(context, server, number):
    with appending(context, server):
        return arrive(context, server, number)


# --- a tenant that wakes -------------------------------------------------------

class Tenants:
    """A Bastide of its own whose tenants sleep soon."""

    COUNT = 6

    def __init__(self, context):
        self.server = servers.Bastide(
            context.folder / "tenants", context.options.build,
            context.options.port_base + 3000, ["tenant_idle = 1"])
        self.server.start()
        pairs = [self.server.add_users(f"t{k}.test", 1)[0]
                 for k in range(self.COUNT)]
        self.server.accounts = servers.write_accounts(
            self.server.folder / "accounts", pairs)

    def tenantds(self):
        return [pid for pid in servers.processes_of(self.server.pid)
                if servers.program_of(pid) == "tenantd"]

    def all_asleep(self):
        for _ in range(200):
            if not self.tenantds():
                return
            time.sleep(0.1)
        raise AssertionError("tenants do not fall asleep")

    def wake(self, context):
        """(ms of a first login, ms of the next, KiB of a tenantd)"""
        self.all_asleep()
        first = context.load(self.server, "login", 0, self.COUNT,
                             n=self.COUNT)["median_ms"]
        again = context.load(self.server, "login", 0, self.COUNT,
                             n=self.COUNT)["median_ms"]
        awake = self.tenantds()
        assert len(awake) == self.COUNT, awake
        kib = servers.memory_kib(awake, "Private_Dirty") / self.COUNT
        return first, again, kib


def wake(field):
    def run(context, server, number):
        tenants = Tenants(context) if not context.tenants else context.tenants
        context.tenants = tenants
        first, again, kib = tenants.wake(context)
        return {"ms": first - again, "kib": kib}[field]
    return run


def stop_tenants(context):
    if context.tenants:
        context.tenants.server.stop()


@dataclasses.dataclass
class Measure:
    name: str
    title: str
    unit: str
    run: Callable
    prepare: Callable = nothing
    servers: tuple = EVERYONE
    rounds: int = 5
    less_is_better: bool = False
    named: bool = False  # only when asked for by --only


BODIES, ENVELOPES = "UID BODY.PEEK[]", "UID FLAGS ENVELOPE"
ALL = [
    Measure("append1", "durable APPEND 8 KiB, 1 client", "msgs/s",
            append(1, 1), servers=WITH_ALWAYS),
    Measure("append8", "... 8 clients, 8 accounts", "msgs/s", append(8, 8),
            servers=WITH_ALWAYS),
    Measure("append8one", "... 8 clients, one account", "msgs/s",
            append(8, 1), servers=WITH_ALWAYS),
    Measure("bodies", "FETCH of {n} bodies of 8 KiB", "msgs/s",
            fetch("Read", BODIES), fill, rounds=3),
    Measure("envelope1", "first ENVELOPE of {n}", "msgs/s",
            fetch("First{}", ENVELOPES), fill, rounds=3),
    Measure("envelope2", "second ENVELOPE of {n}", "msgs/s",
            fetch("First{}", ENVELOPES), fill, rounds=3),
    Measure("search", "SEARCH TEXT, 1 of all matches", "msgs/s",
            search("unique{:08}", 1), fill, rounds=3),
    Measure("searchall", "SEARCH TEXT, all match", "msgs/s",
            search("unique", "all"), fill, rounds=3),
    Measure("sort", "SORT of {large} by date and subject", "ms",
            ordered("SORT (REVERSE DATE SUBJECT) UTF-8 ALL"), fill, rounds=3,
            servers=PLAIN, less_is_better=True),
    Measure("thread", "THREAD=REFERENCES of {large}", "ms",
            ordered("THREAD REFERENCES UTF-8 ALL"), fill, rounds=3,
            servers=PLAIN, less_is_better=True),
    Measure("headers", "SEARCH SUBJECT in {large}", "ms",
            ordered("SEARCH SUBJECT nowhere"), fill, rounds=3,
            servers=PLAIN, less_is_better=True),
    Measure("select", "SELECT of {large}", "ms", select, fill,
            servers=PLAIN, less_is_better=True),
    Measure("flags", "FLAGS of {large}", "msgs/s", flags, fill, rounds=3,
            servers=PLAIN),
    Measure("resync", "QRESYNC of {large}, 200 changes", "ms", resync, fill,
            rounds=3, servers=PLAIN, less_is_better=True),
    Measure("logins", "logins, TLS, 8 clients", "1/s", logins,
            servers=WITH_SHARED, rounds=3),
    Measure("idle", "memory per idle TLS connection", "KiB", idle,
            servers=WITH_SHARED, rounds=2, less_is_better=True),
    Measure("arrive", "delivery to EXISTS", "ms", arrive, rounds=3,
            servers=PLAIN, less_is_better=True),
    # Dovecot gathers changes for 0.4 s: hundreds of them take too long.
    Measure("arrivelate", "... the slowest of a hundred", "ms", arrive_late,
            rounds=3, servers=("Bastide",), less_is_better=True),
    Measure("arrivebusy", "... while 4 clients append", "ms", arrive_busy,
            rounds=3, servers=PLAIN, less_is_better=True),
    # Alone, by name: five minutes.
    Measure("crowd", "memory of 10,000 idle, 500 busy", "KiB", crowd,
            servers=("Bastide",), rounds=1, less_is_better=True, named=True),
    Measure("wake", "a sleeping tenant wakes", "ms", wake("ms"),
            servers=("Bastide",), rounds=3, less_is_better=True),
    Measure("awake", "memory of an awake tenant", "KiB", wake("kib"),
            servers=("Bastide",), rounds=3, less_is_better=True),
]
