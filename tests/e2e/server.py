# SPDX-License-Identifier: EUPL-1.2
"""A real bastided on a directory and ports of its own, for tests.

    with Server(folder) as server:
        server.cli("tenant", "create", "example.org")
        server.ports["imap_port"]
"""
import json
import os
import pathlib
import signal
import socket
import subprocess
import time

SOURCE = pathlib.Path(os.environ.get("SOURCE_DIR")
                      or pathlib.Path(__file__).resolve().parents[2])
BUILD = pathlib.Path(os.environ.get("BUILD_DIR") or SOURCE / "build")
PORTS = ("imap_port", "imaps_port", "smtp_port", "submission_port",
         "submissions_port", "https_port")
PROGRAMS = {"relayd": "smtpd", "keyd": "daemon", "tenantd": "daemon", "worker": "daemon",
            "imapd": "imapd", "smtpd": "smtpd", "caldavd": "caldav"}
# The leak check at a process's end needs what the walls forbid.
ENVIRONMENT = dict(os.environ, ASAN_OPTIONS="detect_leaks=0:abort_on_error=0")


class Failed(Exception):
    """A command of the administrator was refused."""

    def __init__(self, status, text):
        super().__init__(f"status {status}: {text}")
        self.status = status
        self.text = text


def free_ports(count):
    """Ports that nobody has now; all are held until all are known."""
    sockets = []
    for _ in range(count):
        s = socket.socket()
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind(("127.0.0.1", 0))
        sockets.append(s)
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


def certificate(folder):
    cert, key = folder / "cert.pem", folder / "key.pem"
    if not cert.exists():
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
             "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-keyout",
             str(key), "-out", str(cert), "-subj", "/CN=localhost",
             "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"],
            check=True, capture_output=True)
    return cert, key


def small_disk(folder, size):
    """Mounts one at a new folder; why it cannot, or None."""
    if os.geteuid() != 0:
        return "needs root to mount a tmpfs"
    folder.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size},mode=700", "bastide",
         str(folder)], capture_output=True, text=True)
    return f"mount: {done.stderr.strip()}" if done.returncode else None


def wait_until(what, seconds=20, step=0.02):
    """The first true value of what(), or an AssertionError."""
    end = time.monotonic() + seconds
    while True:
        value = what()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds} s")
        time.sleep(step)


class Server:
    def __init__(self, folder, settings=None, programs=None, arguments=(),
                 prefix=()):
        """`programs` maps a program's name to another file than the built
        one; `prefix` is put before bastided (setpriv ...)."""
        self.folder = pathlib.Path(folder)
        self.data = self.folder / "data"
        self.bin = self.folder / "bin"
        self.log_path = self.folder / "log"
        self.settings = dict(settings or {})
        self.arguments = list(arguments)
        self.prefix = list(prefix)
        self.process = None
        self.ports = dict(zip(PORTS, free_ports(len(PORTS))))
        self.bin.mkdir(exist_ok=True)
        for name, where in PROGRAMS.items():
            self.link(name, BUILD / where / name)
        for name, path in (programs or {}).items():
            self.link(name, path)
        (self.folder / "passphrase").write_text("correct horse\n")

    def link(self, name, path):
        link = self.bin / name
        if link.is_symlink():
            link.unlink()
        link.symlink_to(path)

    def command(self):
        cert, key = certificate(self.folder)
        settings = {
            "data_dir": self.data, "program_dir": self.bin,
            "passphrase_file": self.folder / "passphrase",
            "listen": "127.0.0.1", "tls_cert": cert, "tls_key": key,
            "login_delay_ms": 200, **self.ports,
            **self.settings}
        command = self.prefix + [str(BUILD / "daemon" / "bastided")]
        for key, value in settings.items():
            command += ["--set", f"{key} = {value}"]
        return command + self.arguments

    def start(self, wait=True):
        self.log_file = open(self.log_path, "ab")
        self.mark = self.log_path.stat().st_size
        self.process = subprocess.Popen(
            self.command(), stdin=subprocess.DEVNULL, stdout=self.log_file,
            stderr=self.log_file, env=ENVIRONMENT)
        if wait:
            wait_until(lambda: "running" in self.log_since()
                       or self.process.poll() is not None, 60)
            if self.process.poll() is not None:
                raise AssertionError("bastided ended:\n" + self.log_since())
        return self

    def log(self):
        return self.log_path.read_text(errors="replace")

    def log_since(self):
        """What was logged since the last start."""
        with open(self.log_path, "rb") as f:
            f.seek(self.mark)
            return f.read().decode(errors="replace")

    def stop(self, seconds=60):
        """Clean stop; the exit status."""
        if self.process is None:
            return None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(seconds)
        finally:
            self.log_file.close()
        self.process = None
        return status

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.log_file.close()
        self.process = None

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        try:
            self.stop()
        except subprocess.TimeoutExpired:
            self.kill()

    def cli(self, *words, password=None):
        """One command of the administrator; its result."""
        command = [str(BUILD / "admin" / "bastide"), *words, "--json",
                   "--socket", str(self.data / "admin.sock")]
        if password is not None:
            command += ["--password-file", "-"]
        done = subprocess.run(command, input=password, text=True,
                              capture_output=True, env=ENVIRONMENT,
                              timeout=60)
        if done.returncode:
            raise Failed(done.returncode, done.stdout + done.stderr)
        return json.loads(done.stdout)

    def state(self, domain):
        return self.cli("tenant", "show", domain)["state"]


class Tap:
    """Test functions in order; one line each."""

    def __init__(self):
        self.tests = []

    def test(self, function):
        self.tests.append(function)
        return function

    def run(self, *arguments):
        bad = 0
        print(f"1..{len(self.tests)}", flush=True)
        for number, function in enumerate(self.tests, 1):
            name = function.__name__.replace("_", " ")
            try:
                function(*arguments)
                print(f"ok {number} - {name}", flush=True)
            except Exception as e:  # a test that fails in any way failed
                bad += 1
                text = str(e).replace("\n", "\n# ")
                print(f"not ok {number} - {name}: {type(e).__name__} {text}",
                      flush=True)
                import traceback
                print("# " + traceback.format_exc().replace("\n", "\n# "),
                      flush=True)
        return 1 if bad else 0
