# SPDX-License-Identifier: EUPL-1.2
"""The servers that the bench compares, each on loopback with the same
certificate, and its mail on the same disk.

A server has `name`, `imaps`, `delivery`, `greeting` (EHLO or LHLO), `accounts`
(a file for imapload), `share` (what part of the messages it gets: one tenth
where it is so slow that nobody would wait) and `pid` (its first process).
"""
import argparse
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time

SOURCE = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(SOURCE / "tests"))
import demo  # noqa: E402

USERS = 50
# Users of the mailboxes in Dovecot; it refuses root.
MAIL_UID = 5000


class Missing(Exception):
    """The server cannot run here; the text says why."""


def write_accounts(path, pairs):
    path.write_text("".join(f"{name} {word}\n" for name, word in pairs))
    return path


def processes_of(pid):
    """The process and all that it started."""
    children = {}
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            stat = pathlib.Path(f"/proc/{entry}/stat").read_text()
        except OSError:
            continue
        parent = int(stat.rsplit(")", 1)[1].split()[1])
        children.setdefault(parent, []).append(int(entry))
    found = [pid]
    for one in found:
        found += children.get(one, [])
    return found


def program_of(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


def memory_kib(pids, field="Pss"):
    total = 0
    for pid in pids:
        try:
            text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
        except OSError:
            continue
        total += sum(int(line.split()[1]) for line in text.splitlines()
                     if line.startswith(field + ":"))
    return total


class Bastide:
    name = "Bastide"
    greeting = "EHLO"
    share = 1

    def __init__(self, folder, build, base, settings=()):
        self.folder = folder / "bastide"
        self.demo = demo.Demo(argparse.Namespace(
            dir=str(self.folder), build=str(build), port_base=base,
            debug=False, set=list(settings)))
        self.imaps = self.demo.ports["imaps_port"]
        self.delivery = self.demo.ports["smtp_port"]

    def start(self):
        self.folder.mkdir(parents=True)
        self.demo.log = open(self.folder / "log", "ab")
        self.demo.prepare()
        self.pid = self.demo.process.pid

    def add_users(self, domain, count):
        self.demo.cli("tenant", "create", domain)
        pairs = [(f"u{i}@{domain}", f"word-{i}") for i in range(count)]
        for address, word in pairs:
            self.demo.cli("user", "create", address)
            self.demo.cli("credential", "create", address, password=word)
        return pairs

    def populate(self):
        self.accounts = write_accounts(
            self.folder / "accounts", self.add_users("bench.test", USERS))

    def stop(self):
        self.demo.stop()
        if self.demo.log:
            self.demo.log.close()


CONFIGURATION = """\
base_dir = {run}
state_dir = {run}
instance_name = {run}
log_path = {folder}/log
protocols = imap lmtp
listen = 127.0.0.1
ssl = required
ssl_cert = <{tls}/cert.pem
ssl_key = <{tls}/key.pem
mail_location = mdbox:~/mail
mail_fsync = {fsync}
mail_uid = {uid}
mail_gid = {uid}
first_valid_uid = {uid}
mail_max_userip_connections = 0
postmaster_address = postmaster@localhost
hostname = localhost
default_client_limit = 3000
default_process_limit = 1500
auth_mechanisms = plain
passdb {{
  driver = passwd-file
  args = {folder}/users
}}
userdb {{
  driver = passwd-file
  args = {folder}/users
}}
namespace inbox {{
  inbox = yes
}}
service imap-login {{
  service_count = {service_count}
  process_limit = {login_processes}
  inet_listener imap {{
    port = 0
  }}
  inet_listener imaps {{
    port = {imaps}
    ssl = yes
  }}
}}
service imap {{
  process_limit = 1500
}}
service lmtp {{
  inet_listener lmtp {{
    address = 127.0.0.1
    port = {lmtp}
  }}
}}
"""
SEALED = """\
mail_plugins = mail_crypt
plugin {{
  mail_crypt_global_private_key = <{folder}/private.pem
  mail_crypt_global_public_key = <{folder}/public.pem
  mail_crypt_save_version = 2
}}
"""


class Dovecot:
    greeting = "LHLO"

    def __init__(self, folder, tls, base, name, fsync="optimized",
                 sealed=False, logins="one connection each"):
        self.name = name
        self.share = 0.1 if sealed else 1
        self.folder = folder / name.lower().replace(" ", "-")
        self.imaps, self.delivery = base, base + 1
        self.sealed = sealed
        self.process = self.run = None
        shared = logins == "shared"
        self.values = {"folder": self.folder, "tls": tls, "fsync": fsync,
                       "imaps": self.imaps, "lmtp": self.delivery,
                       "uid": MAIL_UID, "service_count": 0 if shared else 1,
                       "login_processes": 2 if shared else 1500}

    def start(self):
        if not shutil.which("dovecot"):
            raise Missing("the package dovecot-imapd is not installed")
        if os.geteuid() != 0:
            raise Missing("it starts as root only")
        self.folder.mkdir(parents=True)
        # Its sockets: their paths must be short.
        self.run = tempfile.mkdtemp(prefix="bench-")
        os.chmod(self.run, 0o755)
        self.values["run"] = self.run
        text = CONFIGURATION.format(**self.values)
        if self.sealed:
            self.make_keys()
            text += SEALED.format(**self.values)
        pairs = [(f"u{i}", f"word-{i}") for i in range(USERS)]
        self.accounts = write_accounts(self.folder / "accounts", pairs)
        homes = self.folder / "homes"
        homes.mkdir()
        os.chown(homes, MAIL_UID, MAIL_UID)
        (self.folder / "users").write_text("".join(
            f"{name}:{{PLAIN}}{word}:{MAIL_UID}:{MAIL_UID}::{homes}/{name}::\n"
            for name, word in pairs))
        config = self.folder / "dovecot.conf"
        config.write_text(text)
        with open(self.folder / "start.log", "wb") as log:
            self.process = subprocess.Popen(
                ["dovecot", "-F", "-c", str(config)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True)
        self.pid = self.process.pid
        for _ in range(100):
            if self.process.poll() is not None:
                raise Missing((self.folder / "start.log").read_text().strip())
            if not demo.free(self.imaps) and not demo.free(self.delivery):
                return
            time.sleep(0.1)
        raise Missing("it opens no port")

    def make_keys(self):
        private, public = (str(self.folder / name)
                           for name in ("private.pem", "public.pem"))
        demo.openssl("genpkey", "-algorithm", "EC", "-pkeyopt",
                     "ec_paramgen_curve:prime256v1", "-out", private)
        demo.openssl("pkey", "-in", private, "-pubout", "-out", public)

    def populate(self):
        """Its accounts are lines of a file already."""

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
        if self.run:
            shutil.rmtree(self.run, ignore_errors=True)
