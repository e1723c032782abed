#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""The administrator's socket and command line."""
import contextlib
import json
import os
import pathlib
import pty
import select
import socket
import stat
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from server import BUILD, ENVIRONMENT, Failed, Server, Tap  # noqa: E402
import t_processes  # noqa: E402

FOLDER = pathlib.Path(os.environ.get("TEST_DIR", "/tmp"))
TAP = Tap()
EX_USAGE, EX_NOUSER, EX_UNAVAILABLE, EX_CANTCREAT = 64, 67, 69, 73


def bastide(server, *words, password=None):
    command = [str(BUILD / "admin/bastide"), *words, "--socket",
               str(server.data / "admin.sock")]
    return subprocess.run(command, input=password, capture_output=True,
                          text=True, env=ENVIRONMENT, timeout=60)


def raw(server, *lines):
    """Lines as they are on the socket; the answers."""
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(30)
        s.connect(str(server.data / "admin.sock"))
        s.sendall(b"".join(lines))
        file = s.makefile("rb")
        return [json.loads(file.readline()) for _ in lines]


@TAP.test
def help_comes_from_the_table(server):
    done = bastide(server, "--help")
    everything = done.stdout.splitlines()[2:]
    assert done.returncode == 0, done
    assert {line.split()[0] for line in everything} == {
        "tenant", "domain", "user", "alias", "credential", "key", "queue",
        "health", "audit", "check", "index", "share", "group",
        "member"}, done.stdout
    for line in everything:
        # The verb stands in a column of its own; one command has none.
        words = [line[2:12].strip(), line[13:21].strip()]
        words = [word for word in words if word]
        done = bastide(server, *words, "--help")
        assert done.returncode == 0, (words, done)
        assert f"usage: bastide {' '.join(words)}" in done.stdout, done.stdout
    assert "check [tenant]" in bastide(server, "check", "--help").stdout
    assert bastide(server, "user", "--help").stdout.count("  user ") == 5


@TAP.test
def misuse_is_explained(server):
    for words in (["user", "create"], ["user", "create", "a@b", "x"],
                  ["user", "create", "a@b", "--what", "x"],
                  ["user", "create", "a@b", "--name"],
                  ["user", "set", "a@b", "--disabled", "maybe"],
                  ["user", "set", "a@b", "--quota-bytes", "-5"],
                  ["user", "create", "a@b", "--password", "secret"],
                  ["queue", "show", "x", "one"], ["user", "fly"],
                  ["check", "x", "y"], ["check", "--tenant", "x"], ["x", "y"],
                  []):
        done = bastide(server, *words)
        assert done.returncode == EX_USAGE, (words, done)
        assert "usage: bastide" in done.stderr, (words, done)
        assert done.stdout == ""


@TAP.test
def errors_have_their_exit_status(server):
    server.cli("tenant", "create", "a.example")
    server.cli("user", "create", "ann@a.example", password="pass a")
    for words, status in ((["tenant", "create", "a.example"], EX_CANTCREAT),
                          (["user", "create", "ANN@A.example"], EX_CANTCREAT),
                          (["user", "show", "bob@a.example"], EX_NOUSER),
                          (["user", "show", "x@b.example"], EX_NOUSER),
                          (["tenant", "show", "nowhere"], EX_NOUSER),
                          (["alias", "create", "ann@a.example",
                            "info@b.example"], EX_NOUSER),
                          (["alias", "delete", "ann@a.example"], 77),
                          (["queue", "show", "a.example", "7"], EX_NOUSER),
                          (["tenant", "create", "not a name"], EX_USAGE),
                          (["user", "delete", "ann@a.example",
                            "anne@a.example"], 75)):
        done = bastide(server, *words)
        assert done.returncode == status, (words, done)
        assert done.stderr.startswith("bastide: "), done
        try:
            server.cli(*words)
            raise AssertionError(words)
        except Failed as e:
            assert '"ok": false' in e.text, e
    stray = Server.__new__(Server)
    stray.data = FOLDER
    assert bastide(stray, "health", "show").returncode == EX_UNAVAILABLE


@TAP.test
def text_and_json_say_the_same(server):
    server.cli("user", "set", "ann@a.example", "--name", "Ann \u00c5",
               "--quota-bytes", "5000", "--quota-messages", "7")
    user = server.cli("user", "show", "ann@a.example")
    assert user["name"] == "Ann \u00c5" and user["quota-bytes"] == 5000
    assert user["quota-messages"] == 7 and user["messages"] == 0
    text = bastide(server, "user", "show", "ann@a.example").stdout
    for name, value in user.items():
        value = "no" if value is False else value
        assert f"{name}: {value}\n" in text, (name, text)
    text = bastide(server, "user", "list", "a.example").stdout
    assert "address=ann@a.example" in text, text
    assert server.cli("key", "show", "a.example")["rows"][0]["tenant"] == \
        server.cli("tenant", "show", "a.example")["id"]
    assert len(server.cli("key", "list")["rows"]) == 1


@TAP.test
def long_lists_come_in_pages(server):
    for number in range(95):
        server.cli("alias", "create", "ann@a.example",
                   f"alias{number:03}@a.example")
    rows = server.cli("alias", "list", "a.example")["rows"]
    addresses = [row["address"] for row in rows]
    assert len(addresses) == 96 and addresses == sorted(addresses)
    one = raw(server, b'{"noun":"alias","verb":"list",'
                      b'"args":{"tenant":"a.example"}}\n')[0]["result"]
    assert len(one["rows"]) == 40 and one["next"] == addresses[39]
    for number in range(45):
        server.cli("domain", "create", "a.example", f"d{number}.example")
    assert len(server.cli("domain", "list", "a.example")["rows"]) == 46
    for number in range(45):
        server.cli("domain", "delete", "a.example", f"d{number}.example")
    # The same by the router: what was given back is free.
    server.cli("tenant", "create", "d7.example")
    assert len(server.cli("tenant", "list")["rows"]) == 2
    server.cli("tenant", "delete", "d7.example", "d7.example")


@TAP.test
def passwords_are_asked_for_at_the_terminal(server):
    """On a terminal of its own: asked twice, not shown, not in argv."""
    child, terminal = pty.fork()
    command = [str(BUILD / "admin/bastide"), "credential", "create",
               "ann@a.example", "--label", "typed", "--socket",
               str(server.data / "admin.sock")]
    if child == 0:
        os.execve(command[0], command, ENVIRONMENT)
    shown = b""

    def read_until(text):
        nonlocal shown
        while text not in shown:
            ready, _, _ = select.select([terminal], [], [], 20)
            assert ready, shown
            shown += os.read(terminal, 1000)
    read_until(b"Password: ")
    arguments = pathlib.Path(f"/proc/{child}/cmdline").read_bytes()
    assert b"typed secret" not in arguments
    os.write(terminal, b"typed secret\n")
    read_until(b"Again: ")
    os.write(terminal, b"typed secret\n")
    try:
        while True:
            data = os.read(terminal, 1000)
            if not data:
                break
            shown += data
    except OSError:
        pass  # the terminal went with the child
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0, shown
    assert b"typed secret" not in shown, shown
    t_processes.sign_in(server, "ann@a.example", "typed secret").close()
    done = bastide(server, "credential", "create", "ann@a.example")
    assert done.returncode == EX_USAGE and "terminal" in done.stderr, done
    for bad in ("", "a\tb", "x" * 2000):
        done = bastide(server, "credential", "create", "ann@a.example",
                       "--password-file", "-", password=bad + "\n")
        assert done.returncode not in (0, 70), (bad[:10], done)
    secret = FOLDER / "secret"
    secret.write_text("from a file\nsecond line\n")
    assert bastide(server, "credential", "create", "ann@a.example", "--label",
                   "file", "--password-file", str(secret)).returncode == 0
    t_processes.sign_in(server, "ann@a.example", "from a file").close()


@TAP.test
def the_socket_takes_no_nonsense(server):
    good = b'{"noun":"health","verb":"show"}\n'
    bad = [b"\n", b"{}\n", b"[]\n", b"x\n", b"\xff\n", b"{" * 5000 + b"\n",
           b'{"noun":"health","verb":"fly"}\n',
           b'{"noun":"health","verb":"show","args":[]}\n',
           b'{"noun":"health","verb":"show","args":{"x":1}}\n',
           b'{"noun":"user","verb":"show","args":{"address":5}}\n',
           b'{"noun":"user","verb":"show","args":{}}\n',
           b'{"noun":"user","verb":"show","args":{"address":"a\\u0000b"}}\n',
           b'{"noun":"user","verb":"set","args":{"address":"ann@a.example",'
           b'"quota-bytes":-1}}\n',
           b'{"noun":"x","noun":"health","verb":"show"}\n']
    # All at once on one connection: answers in order, good ones between.
    mixed = [line for b in bad for line in (b, good)]
    answers = raw(server, *mixed)
    for line, answer in zip(mixed, answers):
        assert answer["ok"] == (line is good), (line, answer)
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(30)
        s.connect(str(server.data / "admin.sock"))
        try:
            s.sendall(b'"' * 400000)
            assert s.recv(10) == b"", "an endless line was kept"
        except (BrokenPipeError, ConnectionResetError):
            pass
    raw(server, good)


@TAP.test
def only_its_owner_may_ask(server):
    path = server.data / "admin.sock"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(server.data.stat().st_mode) == 0o700
    if os.geteuid() != 0:
        return
    # Even with the modes opened, the kernel's word on who calls decides.
    os.chmod(FOLDER, 0o755)
    os.chmod(server.data, 0o755)
    os.chmod(path, 0o666)
    script = ("import socket,sys\n"
              "s = socket.socket(socket.AF_UNIX)\n"
              f"s.connect({str(path)!r})\n"
              "s.sendall(b'{\"noun\":\"health\",\"verb\":\"show\"}\\n')\n"
              "sys.exit(0 if s.recv(10) else 9)\n")
    try:
        for user, expected in (("root", (0,)), ("nobody", (9, 1))):
            status = subprocess.run(
                ["setpriv", "--reuid", user, "--clear-groups",
                 "/usr/bin/python3", "-c", script],
                capture_output=True).returncode
            assert status in expected, (user, status)
        log = server.log()
        assert "admin-refused" in log
    finally:
        os.chmod(server.data, 0o700)
        os.chmod(path, 0o600)


@TAP.test
def a_client_that_goes_away_harms_nobody(server):
    for _ in range(40):
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(str(server.data / "admin.sock"))
            s.sendall(b'{"noun":"user","verb":"list",'
                      b'"args":{"tenant":"a.example"}}\n' * 3)
    assert server.cli("health", "show")["tenants"] == 1


@TAP.test
def more_clients_than_places_wait(server):
    with contextlib.ExitStack() as stack:
        rows = []
        for _ in range(40):
            s = stack.enter_context(socket.socket(socket.AF_UNIX))
            s.settimeout(30)
            s.connect(str(server.data / "admin.sock"))
            s.sendall(b'{"noun":"health","verb":"show"}\n')
            rows.append(s)
        for s in rows:  # each that was answered gives its place free
            assert json.loads(s.makefile().readline())["ok"]
            s.close()
    assert server.cli("health", "show")["tenants"] == 1


if __name__ == "__main__":
    with Server(FOLDER, programs=t_processes.PROGRAMS,
                settings={"services": "imapd"}) as main:
        status = TAP.run(main)
    sys.exit(status)
