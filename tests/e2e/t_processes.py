#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""Life and death of the processes: signing in, waking, idle end, kill -9 of
each, clean stop, limits. With the real daemons; only the protocol is a plain
one of the tests (tests/daemon/front.c, echo.c)."""
import base64
import concurrent.futures
import hashlib
import hmac
import os
import pathlib
import re
import signal
import socket
import ssl
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from server import BUILD, Failed, Server, Tap, wait_until  # noqa: E402

FOLDER = pathlib.Path(os.environ.get("TEST_DIR", "/tmp"))
PROGRAMS = {"tenantd": BUILD / "tests/daemon/tenantd",
            "imapd": BUILD / "tests/daemon/imapd"}
TAP = Tap()


def server_at(name, **settings):
    folder = FOLDER / name
    folder.mkdir()
    return Server(folder, programs=PROGRAMS,
                  settings={"services": "imapd", **settings})


def b64(data):
    if isinstance(data, str):
        data = data.encode()
    return base64.b64encode(data).decode()


class Client:
    def __init__(self, server, tls=False):
        port = server.ports["imaps_port" if tls else "imap_port"]
        self.socket = socket.create_connection(("127.0.0.1", port), 30)
        if tls:
            context = ssl.create_default_context(
                cafile=str(server.folder / "cert.pem"))
            self.socket = context.wrap_socket(self.socket,
                                              server_hostname="localhost")
        self.file = self.socket.makefile("rwb")
        assert self.line().startswith("* ready")
        if tls:
            assert self.line() == "* secured"

    def line(self):
        line = self.file.readline()
        if not line:
            raise EOFError
        return line.decode().rstrip("\r\n")

    def send(self, text):
        self.file.write(text.encode() + b"\r\n")
        self.file.flush()

    def ask(self, text):
        self.send(text)
        return self.line()

    def plain(self, user, password):
        """The answer to AUTH PLAIN; after OK also the session's greeting."""
        answer = self.ask("AUTH PLAIN " + b64(f"\0{user}\0{password}"))
        return answer + " " + self.line() if answer[:2] == "OK" else answer

    def close(self):
        self.file.close()
        self.socket.close()


def sign_in(server, user, password, tls=False):
    client = Client(server, tls)
    answer = client.plain(user, password)
    assert answer.startswith("OK"), answer
    client.greeting = answer
    client.pid = int(re.search(r"pid=(\d+)", answer).group(1))
    return client


def scram(client, user, password):
    """SCRAM-SHA-256 with a client of our own; the last answer."""
    bare = f"n={user},r=clientnonce"
    first = client.ask("AUTH SCRAM-SHA-256 " + b64("n,," + bare))
    if not first.startswith("+ "):
        return first
    first = base64.b64decode(first[2:]).decode()
    nonce, salt, rounds = re.match(r"r=([^,]*),s=([^,]*),i=(\d+)$",
                                   first).groups()
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(),
                                 base64.b64decode(salt), int(rounds))

    def mac(key, text):
        return hmac.digest(key, text.encode(), "sha256")

    key = mac(salted, "Client Key")
    final = f"c={b64('n,,')},r={nonce}"
    auth = f"{bare},{first},{final}"
    signature = mac(hashlib.sha256(key).digest(), auth)
    proof = bytes(a ^ b for a, b in zip(key, signature))
    answer = client.ask(b64(f"{final},p={b64(proof)}"))
    if answer.startswith("OK "):
        said = base64.b64decode(answer[3:]).decode()
        mine = "v=" + b64(mac(mac(salted, "Server Key"), auth))
        assert said == mine, "the server did not prove itself"
        client.line()
    return answer


def pids(server, program):
    return [row["pid"] for row in server.cli("health", "show")["rows"]
            if row["program"] == program]


def alive(pid):
    try:
        return open(f"/proc/{pid}/stat").read().split(")")[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def populate(server):
    server.cli("tenant", "create", "a.example")
    server.cli("tenant", "create", "b.example")
    server.cli("user", "create", "ann@a.example", "--name", "Annabella",
               password="pass a")
    server.cli("user", "create", "bob@b.example", password="pass b")


@TAP.test
def two_tenants_sign_in(server):
    populate(server)
    a = sign_in(server, "ann@a.example", "pass a")
    b = sign_in(server, "BOB@B.Example", "pass b", tls=True)
    assert "login=ann@a.example peer=127.0.0.1 extra=extra tls=0" in \
        a.greeting, a.greeting
    assert "login=bob@b.example" in b.greeting and "tls=1" in b.greeting
    assert a.pid != b.pid, "one process for two tenants"
    assert a.ask("ECHO hello") == "hello"
    assert b.ask("WRITE x").startswith("ok ")
    assert a.ask("READ") == ",".join([""]), "b's row is seen by a"
    assert b.ask("READ") == "x,"
    a.close()
    b.close()


@TAP.test
def every_mechanism_and_second_logins(server):
    for user, password in (("ann@a.example", "pass a"),
                           ("bob@b.example", "pass b")):
        client = Client(server)
        assert scram(client, user, password).startswith("OK")
        client.close()
    client = Client(server)
    assert client.ask("AUTH LOGIN") == "+ " + b64("Username:")
    assert client.ask(b64("ann@a.example")) == "+ " + b64("Password:")
    assert client.ask(b64("pass a")).startswith("OK")
    client.close()
    client = Client(server)
    assert client.ask("AUTH PLAIN") == "+ "
    assert client.ask(b64("\0ann@a.example\0pass a")).startswith("OK")
    client.close()
    client = Client(server)
    assert client.ask("AUTH CRAM-MD5") == "NO unsupported"
    # After TLS began the same way.
    assert client.ask("STARTTLS") == "OK"
    client.close()


@TAP.test
def refusals_look_the_same(server):
    """A wrong password, a name and a domain that do not exist: the same
    answer, no sooner than login_delay_ms."""
    cases = ("ann@a.example", "nobody@a.example", "ann@nowhere.example",
             "ann", "@", "a" * 300 + "@a.example")
    for user in cases:
        client = Client(server)
        start = time.monotonic()
        answer = client.plain(user, "wrong")
        took = time.monotonic() - start
        assert answer == "NO auth", (user, answer)
        assert took >= 0.19, (user, took)
        # The connection goes on.
        assert client.plain("ann@a.example", "pass a").startswith("OK")
        client.close()
    for user in ("ann@a.example", "nobody@a.example", "x@nowhere.example"):
        client = Client(server)
        start = time.monotonic()
        assert scram(client, user, "wrong") == "NO auth", user
        assert time.monotonic() - start >= 0.19
        client.close()
    salts = set()
    for _ in range(2):
        client = Client(server)
        first = client.ask("AUTH SCRAM-SHA-256 " +
                           b64("n,,n=nobody@a.example,r=x"))
        salts.add(base64.b64decode(first[2:]).split(b",s=")[1])
        client.close()
    assert len(salts) == 1, "another salt each time gives the name away"


@TAP.test
def app_passwords_and_disabled_users(server):
    server.cli("credential", "create", "ann@a.example", "--label", "phone",
               password="phone pass")
    for password in ("phone pass", "pass a", "phone pass"):
        sign_in(server, "ann@a.example", password).close()
    labels = [row["label"] for row in
              server.cli("credential", "list", "ann@a.example")["rows"]]
    assert sorted(labels) == ["password", "phone"], labels
    server.cli("credential", "delete", "ann@a.example", "phone")
    client = Client(server)
    assert client.plain("ann@a.example", "phone pass") == "NO auth", \
        "a removed password was served from memory"
    client.close()
    client = sign_in(server, "ann@a.example", "pass a")
    server.cli("user", "set", "ann@a.example", "--disabled", "yes")
    client.socket.settimeout(10)
    try:
        client.line()
        raise AssertionError("the session of a disabled user goes on")
    except EOFError:
        pass
    client.close()
    client = Client(server)
    assert client.plain("ann@a.example", "pass a") == "NO auth"
    client.close()
    server.cli("user", "set", "ann@a.example", "--disabled", "no")
    sign_in(server, "ann@a.example", "pass a").close()


@TAP.test
def idle_tenants_end_and_wake(server):
    for domain in ("a.example", "b.example"):
        wait_until(lambda d=domain: server.state(d) == "asleep", 30)
    started = server.log().count("started program=tenantd")
    client = sign_in(server, "ann@a.example", "pass a")
    time.sleep(3)  # longer than tenant_idle: a session keeps it awake
    assert client.ask("ECHO still") == "still"
    assert server.state("a.example") == "awake"
    client.close()
    wait_until(lambda: server.state("a.example") == "asleep", 30)
    assert server.log().count("started program=tenantd") == started + 1


@TAP.test
def unknown_addresses_wake_nobody(server):
    started = server.log().count("started program=tenantd")
    for user in ("nobody@a.example", "nobody@b.example"):
        client = Client(server)
        assert client.plain(user, "x") == "NO auth"
        client.close()
    client = Client(server)
    for address, answer in (("nobody@a.example", "NO notfound"),
                            ("ann@nowhere.example", "NO relay"),
                            ("not an address", "NO notfound")):
        assert client.ask("DELIVER " + address) == answer, address
    assert server.log().count("started program=tenantd") == started
    # The control: one that exists does wake.
    assert client.ask("DELIVER ann+detail@a.example") == "OK"
    assert "account=0" in client.line()
    client.close()
    assert server.log().count("started program=tenantd") == started + 1


@TAP.test
def new_and_removed_addresses_are_routed(server):
    client = Client(server)
    assert client.ask("DELIVER info@a.example") == "NO notfound"
    server.cli("alias", "create", "ann@a.example", "info@a.example")
    assert client.ask("DELIVER info@a.example") == "OK"
    client.close()
    sign_in(server, "info@a.example", "pass a").close()
    server.cli("alias", "delete", "info@a.example")
    client = Client(server)
    assert client.ask("DELIVER info@a.example") == "NO notfound"
    assert client.ask("DELIVER postmaster@a.example") == "OK"
    client.close()
    server.cli("domain", "create", "a.example", "b\u00fccher.example")
    server.cli("user", "create", "kim@b\u00fccher.example", password="pass k")
    greeting = sign_in(server, "kim@xn--bcher-kva.example", "pass k").greeting
    assert "login=kim@xn--bcher-kva.example" in greeting
    try:
        server.cli("domain", "create", "b.example", "xn--bcher-kva.example")
        raise AssertionError("one domain for two tenants")
    except Failed as e:
        assert e.status == 73, e  # EX_CANTCREAT
    try:
        server.cli("domain", "delete", "a.example", "xn--bcher-kva.example")
        raise AssertionError("a domain with addresses was taken")
    except Failed as e:
        assert "notempty" in e.text, e
    server.cli("user", "delete", "kim@xn--bcher-kva.example",
               "kim@xn--bcher-kva.example")
    server.cli("domain", "delete", "a.example", "xn--bcher-kva.example")
    client = Client(server)
    assert client.plain("kim@xn--bcher-kva.example", "pass k") == "NO auth"
    client.close()


@TAP.test
def acknowledged_writes_survive_kill_9(server):
    """kill -9 of the tenantd right after an answer, ten times."""
    written = []
    for i in range(10):
        client = sign_in(server, "bob@b.example", "pass b")
        before = client.ask("READ").split(",")
        assert [w for w in written if w not in before] == [], "lost"
        assert client.ask(f"WRITE row{i}").startswith("ok ")
        os.kill(client.pid, signal.SIGKILL)
        written.append(f"row{i}")
        client.close()
        wait_until(lambda: server.state("b.example") == "asleep")
        time.sleep(0.5 if i == 0 else 0)  # the back-off after a death
        wait_until(lambda: can_sign_in(server), 40, 0.5)
    client = sign_in(server, "bob@b.example", "pass b")
    rows = client.ask("READ").split(",")
    assert [w for w in written if w not in rows] == []
    client.close()


def can_sign_in(server, user="bob@b.example", password="pass b"):
    client = Client(server)
    try:
        return client.plain(user, password).startswith("OK")
    except (EOFError, ConnectionError):
        return False
    finally:
        client.close()


@TAP.test
def a_tenant_that_dies_takes_nobody_along(server):
    a = sign_in(server, "ann@a.example", "pass a")
    b = wait_until(lambda: sign_in(server, "bob@b.example", "pass b"), 40)
    a.send("CRASH")
    try:
        a.line()
        raise AssertionError("an answer after the crash")
    except (EOFError, ConnectionError):
        pass
    assert b.ask("ECHO here") == "here"
    wait_until(lambda: can_sign_in(server, "ann@a.example", "pass a"), 40,
               0.5)
    a.close()
    b.close()


@TAP.test
def kill_9_of_keyd_front_and_worker(server):
    client = sign_in(server, "ann@a.example", "pass a")
    keyd = pids(server, "keyd")[0]
    os.kill(keyd, signal.SIGKILL)
    assert client.ask("WRITE one").startswith("ok "), "needs keyd to write"
    wait_until(lambda: pids(server, "keyd")[0] not in (0, keyd))
    wait_until(lambda: can_sign_in(server), 40, 0.3)  # b is woken: needs keyd
    fronts = pids(server, "imapd")
    for front in fronts:
        os.kill(front, signal.SIGKILL)
    try:
        client.ask("ECHO x")
        raise AssertionError("the front is dead")
    except (EOFError, ConnectionError):
        pass
    client.close()
    wait_until(lambda: len(pids(server, "imapd")) == len(fronts) and
               not set(fronts) & set(pids(server, "imapd")))
    sign_in(server, "ann@a.example", "pass a").close()
    workers = [int(m) for m in re.findall(r"program=worker pid=(\d+)",
                                          server.log())]
    for pid in filter(alive, workers):
        os.kill(pid, signal.SIGKILL)
    sign_in(server, "ann@a.example", "pass a").close()
    server.cli("credential", "create", "ann@a.example", password="pass a")
    # In the middle of a job: another one does it.
    workers = [int(m) for m in re.findall(r"program=worker pid=(\d+)",
                                          server.log())]
    stopped = [pid for pid in workers if alive(pid)]
    assert stopped
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        asked = pool.submit(server.cli, "credential", "create",
                            "ann@a.example", password="pass a")
        time.sleep(0.3)
        for pid in stopped:
            os.kill(pid, signal.SIGKILL)
        asked.result(20)


@TAP.test
def clean_stop_and_start(server):
    client = sign_in(server, "ann@a.example", "pass a")
    assert client.ask("OPEN") == "ok"
    assert client.ask("WRITE before-stop").startswith("ok ")
    everyone = [row["pid"] for row in server.cli("health", "show")["rows"]]
    assert server.stop() == 0
    assert not [pid for pid in everyone if alive(pid)], "somebody stayed"
    log = server.log_since()
    order = [log.rindex("child-ended program=" + name)
             for name in ("imapd", "tenantd", "keyd")]
    assert "ended-unclean" not in log and "stop-late" not in log
    assert order[0] < order[1] < order[2], "the order of the stop"
    client.close()
    server.start()
    # A fresh start knows the addresses without waking anybody.
    client = Client(server)
    assert client.ask("DELIVER nobody@a.example") == "NO notfound"
    assert client.plain("nobody@b.example", "x") == "NO auth"
    assert "program=tenantd" not in server.log_since()
    client.close()
    client = sign_in(server, "ann@a.example", "pass a")
    assert "before-stop" in client.ask("READ")
    client.close()


@TAP.test
def kill_9_of_bastided(server):
    client = sign_in(server, "bob@b.example", "pass b")
    assert client.ask("WRITE precious").startswith("ok ")
    everyone = [row["pid"] for row in server.cli("health", "show")["rows"]]
    # What it knows of addresses may be behind: one that is not on its disk.
    server.kill()
    client.close()
    server.start()  # waits for the others to close their stores
    wait_until(lambda: not [pid for pid in everyone if alive(pid)])
    client = sign_in(server, "bob@b.example", "pass b")
    assert "precious" in client.ask("READ")
    client.close()
    # Not clean: a name it does not know asks the tenant once, not twice.
    client = Client(server)
    assert client.ask("DELIVER nobody@a.example") == "NO notfound"
    woken = server.log_since().count("started program=tenantd")
    assert client.ask("DELIVER nobody2@a.example") == "NO notfound"
    assert server.log_since().count("started program=tenantd") == woken
    client.close()


@TAP.test
def logins_are_limited(_):
    with server_at("limits", login_source_burst=5, login_source_per_min=1,
                   login_account_burst=0, login_delay_ms=0) as server:
        server.cli("tenant", "create", "a.example")
        server.cli("user", "create", "ann@a.example", password="pass a")
        # Right passwords cost nothing.
        for _ in range(12):
            sign_in(server, "ann@a.example", "pass a").close()
        wait_until(lambda: server.state("a.example") == "awake")
        answers = []
        for i in range(8):
            client = Client(server)
            answers.append(client.plain(f"no{i}@a.example", "x"))
            client.close()
        assert answers[:4] == ["NO auth"] * 4, answers
        assert answers[5:] == ["NO busy"] * 3, answers
        client = Client(server)
        assert client.plain("ann@a.example", "pass a") == "NO busy"
        client.close()


def all_at_once(server, user, passwords):
    """One AUTH PLAIN for each of the passwords, sent before any answer."""
    clients = [Client(server) for _ in passwords]
    for client, password in zip(clients, passwords):
        client.send("AUTH PLAIN " + b64(f"\0{user}\0{password}"))
    answers = [client.line().strip() for client in clients]
    for client in clients:
        client.close()
    return answers


@TAP.test
def an_office_signs_in_at_the_same_moment(_):
    """What is under way is not taken for refused: the others wait. Wrong
    passwords at the same moment are not more than one after another."""
    with server_at("office", login_source_burst=5, login_source_per_min=1,
                   login_account_burst=3, login_account_per_min=1,
                   login_delay_ms=0) as server:
        server.cli("tenant", "create", "a.example")
        for user in ("ann", "bob"):
            server.cli("user", "create", f"{user}@a.example", password="pass")
        answers = all_at_once(server, "ann@a.example", ["pass"] * 40)
        assert answers == ["OK"] * 40, answers
        answers = all_at_once(server, "bob@a.example", ["wrong"] * 20)
        assert answers.count("NO auth") == 3, answers
        assert answers.count("NO busy") == 17, answers


@TAP.test
def accounts_are_limited_but_not_their_owners(_):
    with server_at("account-limits", login_account_burst=3,
                   login_account_per_min=1, login_source_burst=0,
                   login_delay_ms=0) as server:
        server.cli("tenant", "create", "a.example")
        for user in ("ann", "eve"):
            server.cli("user", "create", f"{user}@a.example",
                       password="pass")
        sign_in(server, "ann@a.example", "pass").close()
        time.sleep(0.2)
        for user, expected in (("ann@a.example", "NO auth"),
                               ("eve@a.example", "NO busy"),
                               ("nobody@a.example", "NO busy")):
            answers = []
            for _ in range(6):
                client = Client(server)
                answers.append(client.plain(user, "wrong"))
                client.close()
            # Ann signed in from here before: she is not locked out.
            assert answers[-1] == expected, (user, answers)
        sign_in(server, "ann@a.example", "pass").close()


@TAP.test
def tenants_are_deleted_for_good(server):
    server.cli("tenant", "create", "gone.example")
    server.cli("user", "create", "x@gone.example", password="pass x")
    sign_in(server, "x@gone.example", "pass x").close()
    tenant = server.cli("tenant", "show", "gone.example")["id"]
    assert (server.data / "keyd" / f"{tenant}.key").exists()
    try:
        server.cli("tenant", "delete", "gone.example", "a.example")
        raise AssertionError("deleted without the right confirmation")
    except Failed as e:
        assert "conflict" in e.text, e
    server.cli("tenant", "delete", "gone.example", "gone.example")
    assert not (server.data / "keyd" / f"{tenant}.key").exists()
    assert not (server.data / "keyd" / f"{tenant}.head").exists()
    assert not (server.data / "tenants" / tenant).exists()
    client = Client(server)
    assert client.plain("x@gone.example", "pass x") == "NO auth"
    client.close()
    server.cli("tenant", "create", "gone.example")
    assert server.cli("user", "list", "gone.example")["rows"] == []
    server.cli("tenant", "delete", "gone.example", "gone.example")


@TAP.test
def everything_is_in_the_audit(server):
    server.cli("user", "create", "zoe@a.example", password="pass z")
    sign_in(server, "zoe@a.example", "pass z").close()
    client = Client(server)
    client.plain("zoe@a.example", "wrong")
    client.close()
    rows = server.cli("audit", "list", "a.example")["rows"]
    seen = [(row["action"], row["target"]) for row in rows]
    for wanted in (("user.create", "zoe@a.example"),
                   ("login", "zoe@a.example"),
                   ("login-failed", "zoe@a.example"),
                   ("domain.create", "a.example")):
        assert wanted in seen, wanted
    assert len(rows) > 40, "more than a page"
    assert [row["id"] for row in rows] == sorted(row["id"] for row in rows)


@TAP.test
def a_wrong_passphrase_starts_nothing(server):
    server.stop()
    (server.folder / "passphrase").write_text("battery staple\n")
    server.start(wait=False)
    assert server.process.wait(30) != 0
    server.log_file.close()
    assert "root-key-closed" in server.log_since()
    (server.folder / "passphrase").write_text("correct horse\n")
    server.start()
    sign_in(server, "ann@a.example", "pass a").close()


@TAP.test
def nothing_readable_lies_on_the_disk(server):
    server.stop()
    found = []
    for path in server.data.rglob("*"):
        if not path.is_file():
            continue
        data = path.read_bytes()
        found += [(str(path), word) for word in
                  (b"ann@a.ex", b"a.example", b"before-stop", b"precious",
                   b"Annabella") if word in data]
    assert found == [], found
    server.start()


if __name__ == "__main__":
    with server_at("main", tenant_idle=1, worker_idle=2) as main:
        status = TAP.run(main)
    sys.exit(status)
