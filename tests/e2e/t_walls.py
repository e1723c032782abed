#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""The walls of each profile, by trying to get over them: from a program that
puts them up (tests/daemon/walls.c) and from inside the real processes. Every
attempt is also made without walls, where it must succeed: else its refusal
would prove nothing. As the user who runs the tests; as root also as nobody;
and with Landlock held back to the ABI of Debian 12's own kernel."""
import ctypes
import os
import pathlib
import shutil
import socket
import stat
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from server import BUILD, ENVIRONMENT, Server, Tap  # noqa: E402
import t_processes  # noqa: E402

FOLDER = pathlib.Path(os.environ.get("TEST_DIR", "/tmp"))
WALLS = BUILD / "tests" / "daemon" / "walls"
ROOT = os.geteuid() == 0
TAP = Tap()
PROFILES = ("keyd", "tenantd", "worker", "front", "relayd")


class Place:
    """What an intruder would like: files that are not his, a process, a port,
    an abstract socket. His own directory is `own`."""

    def __init__(self, folder, user=None):
        self.folder = folder
        self.user = user
        folder.mkdir()
        self.own = folder / "own"
        self.other = folder / "other"
        for directory in (self.own, self.other):
            directory.mkdir()
        (folder / "walls").write_bytes(WALLS.read_bytes())
        (folder / "walls").chmod(0o755)
        self.prefix = []
        if user:
            self.prefix = ["setpriv", "--reuid", user, "--regid", "nogroup",
                           "--clear-groups"]
            for path in [folder, *folder.rglob("*")]:
                shutil.chown(path, user)
        self.victim = subprocess.Popen(self.prefix + ["sleep", "600"])
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port = self.server.getsockname()[1]
        self.abstract = f"bastide-walls-{os.getpid()}-{id(self)}"
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind("\0" + self.abstract)
        self.listener.listen()

    def close(self):
        self.victim.kill()
        self.victim.wait()
        self.server.close()
        self.listener.close()

    def attempts(self, profile):
        """What the profile must refuse."""
        other, pid = self.other, self.victim.pid
        attempts = [
            f"read {other}/file", f"create {other}/new", f"list {other}",
            f"truncate {other}/file", f"rename {other}/a {other}/b",
            f"kill {pid}",
            f"ptrace {pid}", f"memory {pid}", "fork", "exec /bin/true",
            "mmapx", "mprotectx", "dump", "core", "socket unix",
            f"abstract {self.abstract}", "listen", "socket netlink",
            f"remove {other}/removable"]
        if profile != "relayd":
            attempts += [f"connect {self.port}", "socket inet",
                         "socket inet6"]
        if profile not in ("keyd", "tenantd"):
            attempts += [f"read {self.own}/file", f"create {self.own}/new",
                         f"list {self.own}", f"stat {self.own}/file",
                         f"remove {self.own}/removable"]
        if profile != "tenantd":
            attempts += ["thread"]
        if ROOT and not self.prefix:
            attempts += ["chroot", "setuid", "keyctl", "bpf"]
        return attempts

    def allowed(self, profile):
        """What it must still be able to do, or it could not work."""
        own = self.own
        if profile in ("keyd", "tenantd"):
            extra = ["thread"] if profile == "tenantd" else []
            return [f"read {own}/file", f"create {own}/made",
                    f"rename {own}/made {own}/again", f"remove {own}/again",
                    f"list {own}", *extra]
        if profile == "relayd":
            return [f"connect {self.port}", "socket inet", "socket inet6"]
        return []

    def restore(self):
        """As it was before an attempt that succeeded."""
        for directory in (self.own, self.other):
            for name in ("file", "removable", "a"):
                path = directory / name
                path.write_text("secret")
                if self.user:
                    shutil.chown(path, self.user)
            for name in ("new", "b"):
                (directory / name).unlink(missing_ok=True)

    def run(self, profile, attempts, abi=0):
        self.restore()
        own = self.own if profile in ("keyd", "tenantd", "none") else ""
        done = subprocess.run(
            self.prefix + [str(self.folder / "walls"), profile, str(abi),
                           str(own)],
            input="".join(a + "\n" for a in attempts), capture_output=True,
            text=True, env=ENVIRONMENT, timeout=60)
        lines = done.stdout.splitlines()
        assert done.returncode == 0, (done.returncode, done.stderr)
        results = dict(line.rsplit(": ", 1) for line in lines[1:])
        assert len(lines) == len(attempts) + 1, lines
        return lines[0], results


def refused(result):
    """By a wall, not because there was nothing to be had."""
    return result in ("errno EPERM", "errno EACCES")


def check(place, abi):
    for profile in PROFILES:
        attempts = place.attempts(profile)
        _, control = place.run("none", attempts)
        failed = {a: r for a, r in control.items() if r != "done"}
        assert not failed, f"control of {profile}: {failed}"
        standing, results = place.run(profile, attempts, abi)
        got = {a: r for a, r in results.items() if not refused(r)}
        assert not got, f"{profile} ({standing}) could: {got}"
        assert "seccomp=yes" in standing and "no_dump=yes" in standing
        if abi:
            assert f"landlock={abi} " in standing, standing
        _, results = place.run(profile, place.allowed(profile), abi)
        bad = {a: r for a, r in results.items() if r != "done"}
        assert not bad, f"{profile} cannot work: {bad}"
        assert (place.other / "file").read_text() == "secret"


def kernel_abi():
    libc = ctypes.CDLL(None, use_errno=True)
    return libc.syscall(444, None, ctypes.c_size_t(0), 1)


@TAP.test
def every_profile_as_we_are(_):
    place = Place(FOLDER / "mine")
    try:
        check(place, 0)
    finally:
        place.close()


@TAP.test
def every_profile_as_nobody(_):
    if not ROOT:
        return  # the test before was unprivileged
    place = Place(FOLDER / "nobody", "nobody")
    os.chmod(FOLDER, 0o755)
    try:
        check(place, 0)
    finally:
        place.close()


@TAP.test
def every_profile_with_older_landlock(_):
    """ABI 1 to 6: what Landlock cannot say there, seccomp says."""
    place = Place(FOLDER / "older")
    try:
        for abi in range(1, min(kernel_abi(), 6) + 1):
            check(place, abi)
    finally:
        place.close()


@TAP.test
def landlock_and_seccomp_each_hold(_):
    """Landlock alone keeps a tenantd in its directory: seccomp lets it open
    files, so what refuses another's is Landlock, with its own errno."""
    place = Place(FOLDER / "alone")
    try:
        _, results = place.run("tenantd", [f"read {place.other}/file",
                                           f"truncate {place.other}/file",
                                           f"read {place.own}/file"])
        assert results[f"read {place.other}/file"] == "errno EACCES"
        assert results[f"truncate {place.other}/file"] == "errno EPERM"
        assert results[f"read {place.own}/file"] == "done"
    finally:
        place.close()


@TAP.test
def bastided_writes_in_its_directory_only(_):
    place = Place(FOLDER / "supervisor")
    try:
        attempts = [f"create {place.folder}/new", f"ptrace {place.victim.pid}",
                    f"memory {place.victim.pid}", f"remove {place.other}/file"]
        _, control = place.run("none", attempts[:3])
        assert all(r == "done" for r in control.values()), control
        own = subprocess.run(
            [str(place.folder / "walls"), "bastided", "0", str(place.own)],
            input="\n".join(attempts + [f"create {place.own}/x", "fork",
                                        "exec /bin/true"]) + "\n",
            capture_output=True, text=True, env=ENVIRONMENT, timeout=60)
        results = dict(line.rsplit(": ", 1)
                       for line in own.stdout.splitlines()[1:])
        for attempt in attempts:
            assert refused(results[attempt]), results
        for allowed in (f"create {place.own}/x", "fork", "exec /bin/true"):
            assert results[allowed] == "done", results
    finally:
        place.close()


# --- the real processes ------------------------------------------------------


def from_inside(server, user, password, attempts):
    """Attempts made by a session in the tenantd of `user`."""
    client = t_processes.sign_in(server, user, password)
    results = {a: client.ask("PROBE " + a) for a in attempts}
    pid = client.pid
    client.close()
    return pid, results


def inside_everyone(server):
    t_processes.populate(server)
    client = t_processes.sign_in(server, "bob@b.example", "pass b")
    foreign = server.cli("tenant", "show", "b.example")["id"]
    mine = server.cli("tenant", "show", "a.example")["id"]
    data = server.data
    keyd = t_processes.pids(server, "keyd")[0]
    front = t_processes.pids(server, "imapd")[0]
    files = sorted((data / "tenants" / foreign).iterdir())
    assert files and list((data / "keyd").glob("*.key"))
    attempts = [f"read {path}" for path in files]
    attempts += [f"list {data}/tenants/{foreign}", f"list {data}/keyd",
                 f"read {data}/keyd/{foreign}.key",
                 f"read {data}/keyd/{mine}.key", f"read {data}/keyd/root.key",
                 f"read {data}/router", f"create {data}/tenants/{foreign}/x",
                 f"read {server.folder}/passphrase", "read /etc/passwd",
                 "list /", f"kill {keyd}", f"kill {client.pid}",
                 f"ptrace {client.pid}", f"memory {client.pid}",
                 f"memory {keyd}", f"memory {front}", "socket inet",
                 "socket unix", f"connect {server.ports['imap_port']}",
                 "fork", "exec /bin/true", "mmapx", "dump", "core"]
    pid, results = from_inside(server, "ann@a.example", "pass a", attempts)
    got = {a: r for a, r in results.items() if not refused(r)}
    assert not got, f"tenantd of a could: {got}"
    # The control: its own directory, by its own path.
    name = next(path.name for path in files)
    if (data / "tenants" / mine / name).exists():
        _, results = from_inside(server, "ann@a.example", "pass a",
                                 [f"read {name}"])
        assert results == {f"read {name}": "done"}, results
    victim = t_processes.Client(server)
    results = {a: victim.ask("PROBE " + a) for a in attempts +
               [f"list {data}/tenants/{mine}", f"kill {pid}",
                f"ptrace {pid}", f"memory {pid}", "thread"]}
    got = {a: r for a, r in results.items() if not refused(r)}
    assert not got, f"the front could: {got}"
    victim.close()
    client.close()


def open_files(pid):
    return [os.readlink(path) for path in pathlib.Path(
        f"/proc/{pid}/fd").iterdir()]


@TAP.test
def real_processes_as_we_are(_):
    folder = FOLDER / "real"
    folder.mkdir()
    with Server(folder, programs=t_processes.PROGRAMS,
                settings={"services": "imapd"}) as server:
        inside_everyone(server)
        if ROOT:
            users_are_apart(server)
            fronts_hold_no_file(server)


def users_are_apart(server):
    users, last = [], None
    for row in server.cli("health", "show")["rows"]:
        status = pathlib.Path(f"/proc/{row['pid']}/status").read_text()
        assert "NoNewPrivs:\t1" in status, row
        assert "Seccomp:\t2" in status, row
        # The processes of one front are one user.
        if row["program"] != "imapd" or last != "imapd":
            users.append(next(line for line in status.splitlines()
                              if line.startswith("Uid:")))
        last = row["program"]
        # The maps of one who is not dumpable belong to root.
        assert os.stat(f"/proc/{row['pid']}/maps").st_uid == 0, row
    assert len(users) == len(set(users)) >= 5, users
    control = subprocess.Popen(["setpriv", "--reuid", "nobody", "sleep", "9"])
    time.sleep(0.2)
    assert os.stat(f"/proc/{control.pid}/maps").st_uid != 0
    control.kill()
    control.wait()
    for directory in (server.data / "tenants").iterdir():
        assert stat.S_IMODE(directory.stat().st_mode) == 0o700
        assert directory.stat().st_uid not in (0, os.geteuid())


def fronts_hold_no_file(server):
    for row in server.cli("health", "show")["rows"]:
        if row["program"] == "imapd":
            files = [f for f in open_files(row["pid"])
                     if f.startswith("/") and not f.startswith("/dev/")
                     and not f.endswith("/log")]
            assert not files, files


@TAP.test
def real_processes_as_nobody(_):
    """One user for all: Landlock, seccomp and non-dumpable are the walls."""
    if not ROOT:
        return
    folder = FOLDER / "real-nobody"
    folder.mkdir()
    for path in (BUILD, *BUILD.parents):
        if not path.stat().st_mode & 0o001:
            copy_programs(folder)
            break
    server = Server(folder, programs=copied(folder), settings={
        "services": "imapd"}, prefix=["setpriv", "--reuid", "nobody",
                                      "--regid", "nogroup", "--clear-groups"])
    from server import certificate
    certificate(folder)
    shutil.chown(folder, "nobody")
    for path in folder.rglob("*"):
        if not path.is_symlink():
            shutil.chown(path, "nobody")
    with server:
        inside_everyone(server)


def copy_programs(folder):
    (folder / "programs").mkdir()
    for name, path in t_processes.PROGRAMS.items():
        shutil.copy(path, folder / "programs" / name)
    for name in ("keyd", "worker"):
        shutil.copy(BUILD / "daemon" / name, folder / "programs" / name)


def copied(folder):
    if not (folder / "programs").exists():
        return t_processes.PROGRAMS
    return {path.name: path for path in (folder / "programs").iterdir()}


@TAP.test
def no_wall_no_service(_):
    """Landlock held back to nothing: refuses, unless --weak-walls."""
    for arguments, serves in ((["--landlock", "99"], True),
                              (["--landlock", "none"], False),
                              (["--landlock", "none", "--weak-walls"],
                               True)):
        folder = FOLDER / f"wall{len(arguments)}-{serves}"
        folder.mkdir()
        server = Server(folder, programs=t_processes.PROGRAMS,
                        settings={"services": "imapd"}, arguments=arguments)
        server.start(wait=False)
        for _ in range(400):
            running = "running" in server.log_since()
            if running or server.process.poll() is not None:
                break
            time.sleep(0.05)
        assert running == serves, (arguments, server.log_since())
        if not serves:
            assert "walls-missing" in server.log_since()
        server.stop()


@TAP.test
def debug_keeps_to_its_own_directory(_):
    folder = FOLDER / "debug"
    folder.mkdir()
    server = Server(folder, programs=t_processes.PROGRAMS,
                    settings={"services": "imapd"})
    with server:
        pass
    server.arguments = ["--debug"]
    server.start(wait=False)
    assert server.process.wait(30) != 0, "--debug took a real data directory"
    server.log_file.close()
    server.process = None
    shutil.rmtree(server.data)
    with server:  # makes it anew
        log = server.log_since()
        assert "seccomp=NO" in log and "debug=yes" in log
    server.start()  # and takes it again
    server.stop()


if __name__ == "__main__":
    sys.exit(TAP.run(None))
