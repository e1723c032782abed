#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""`./dev run`: a whole server on loopback, with two demo tenants.

Makes (once) a folder with a local CA, a passphrase and two tenants with users;
starts bastided in the foreground; prints accounts and client settings; writes
target.json for the client tests; stops cleanly on Ctrl-C.
"""
import argparse
import json
import os
import pathlib
import secrets
import signal
import socket
import subprocess
import sys
import time

SOURCE = pathlib.Path(__file__).resolve().parent.parent
PORTS = {"imap_port": 143, "imaps_port": 993, "smtp_port": 25,
         "submission_port": 587, "submissions_port": 465, "https_port": 443}
TENANTS = {
    "tenant.test": {"alice": "Alice Essai", "bob": "Bob Probe",
                    "carol": "Carol Prova"},
    "hospital.test": {"dora": "Dora Dottoressa", "emil": "Emil Arzt"},
}
PROGRAMS = {"keyd": "daemon", "tenantd": "daemon", "worker": "daemon",
            "imapd": "imapd", "smtpd": "smtpd", "relayd": "smtpd",
            "caldavd": "caldav"}
ENVIRONMENT = dict(os.environ,
                   ASAN_OPTIONS="detect_leaks=0:abort_on_error=0")


def arguments():
    parser = argparse.ArgumentParser(prog="./dev run")
    parser.add_argument("--dir", default=str(SOURCE / "run"),
                        help="folder of the demo (default: run/)")
    parser.add_argument("--port-base", type=int, default=1000,
                        help="added to the standard ports (default: 1000)")
    parser.add_argument("--build", default=str(SOURCE / "build"))
    parser.add_argument("--debug", action="store_true",
                        help="without seccomp and Landlock")
    parser.add_argument("--set", action="append", default=[],
                        metavar="KEY=VALUE", help="further configuration")
    return parser.parse_args()


def say(text):
    print(f"\033[1m==> {text}\033[0m", flush=True)


def openssl(*words):
    subprocess.run(["openssl", *words], check=True, capture_output=True)


def names():
    found = ["localhost"]
    for domain in TENANTS:
        found += [domain, f"mail.{domain}", f"autoconfig.{domain}",
                  f"autodiscover.{domain}"]
    return found


def certificates(folder):
    """A CA of our own and one certificate for all names."""
    if (folder / "cert.pem").exists():
        return
    say("making a local certificate authority")
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    openssl("req", "-x509", *curve, "-days", "825",
            "-keyout", str(folder / "ca.key"), "-out", str(folder / "ca.pem"),
            "-subj", "/CN=Bastide demo CA")
    openssl("req", *curve, "-keyout", str(folder / "key.pem"),
            "-out", str(folder / "cert.csr"), "-subj", "/CN=localhost")
    alternatives = ",".join(f"DNS:{name}" for name in names())
    (folder / "cert.ext").write_text(
        f"subjectAltName={alternatives},IP:127.0.0.1\n"
        "extendedKeyUsage=serverAuth\n")
    openssl("x509", "-req", "-in", str(folder / "cert.csr"), "-CA",
            str(folder / "ca.pem"), "-CAkey", str(folder / "ca.key"),
            "-CAcreateserial", "-days", "800", "-extfile",
            str(folder / "cert.ext"), "-out", str(folder / "cert.pem"))


def link_programs(folder, build):
    """The build's programs in one folder, as they are when installed."""
    target = folder / "bin"
    target.mkdir(exist_ok=True)
    there = []
    for name, house in PROGRAMS.items():
        program = build / house / name
        link = target / name
        if link.is_symlink():
            link.unlink()
        if program.exists():
            link.symlink_to(program)
            there.append(name)
    return target, there


def free(port):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


class Demo:
    def __init__(self, options):
        self.options = options
        self.folder = pathlib.Path(options.dir).resolve()
        self.build = pathlib.Path(options.build).resolve()
        self.ports = {key: options.port_base + port
                      for key, port in PORTS.items()}
        self.ports["https_port"] = options.port_base + 7443
        self.process = None
        self.log = None  # where the daemons write; None: where we do

    def cli(self, *words, password=None):
        command = [str(self.build / "admin/bastide"), *words, "--socket",
                   str(self.folder / "data/admin.sock")]
        if password is not None:
            command += ["--password-file", "-"]
        subprocess.run(command, input=password, text=True, check=True,
                       capture_output=True, env=ENVIRONMENT)

    def start(self):
        busy = [port for port in self.ports.values() if not free(port)]
        if busy:
            sys.exit(f"ports in use: {busy}; choose another --port-base")
        programs, there = link_programs(self.folder, self.build)
        settings = {
            "data_dir": self.folder / "data", "program_dir": programs,
            "passphrase_file": self.folder / "passphrase",
            "hostname": "localhost", "listen": "127.0.0.1",
            "tls_cert": self.folder / "cert.pem",
            "tls_key": self.folder / "key.pem",
            "services": " ".join(name for name in there
                                 if name in ("imapd", "smtpd", "relayd",
                                             "caldavd")),
            **self.ports}
        command = [str(self.build / "daemon/bastided")]
        for key, value in settings.items():
            command += ["--set", f"{key} = {value}"]
        for pair in self.options.set:
            command += ["--set", pair]
        if self.options.debug:
            command.append("--debug")
        self.process = subprocess.Popen(command, env=ENVIRONMENT,
                                        stdin=subprocess.DEVNULL,
                                        stdout=self.log, stderr=self.log,
                                        start_new_session=True)
        for _ in range(600):
            if self.process.poll() is not None:
                sys.exit("bastided ended; its last lines say why")
            try:
                self.cli("health", "show")
                return
            except subprocess.CalledProcessError:
                time.sleep(0.1)
        sys.exit("bastided does not answer")

    def make_accounts(self):
        path = self.folder / "passwords.json"
        if path.exists():
            return json.loads(path.read_text())
        passwords = {}
        for domain, users in TENANTS.items():
            say(f"making tenant {domain}")
            self.cli("tenant", "create", domain)
            for user, name in users.items():
                address = f"{user}@{domain}"
                # Not one that begins like an option of a command.
                passwords[address] = "d" + secrets.token_urlsafe(9)
                self.cli("user", "create", address, "--name", name)
                self.cli("credential", "create", address,
                         password=passwords[address])
        path.write_text(json.dumps(passwords, indent=1))
        path.chmod(0o600)
        return passwords

    def target(self, passwords):
        port = self.ports
        users = {user: {"address": f"{user}@tenant.test",
                        "login": f"{user}@tenant.test",
                        "password": passwords[f"{user}@tenant.test"],
                        "name": name}
                 for user, name in TENANTS["tenant.test"].items()}
        target = {
            "name": "Bastide", "domain": "tenant.test", "ca": "ca.pem",
            "imap": {"host": "localhost", "port": port["imap_port"],
                     "security": "starttls"},
            "imaps": {"host": "localhost", "port": port["imaps_port"],
                      "security": "tls"},
            "submission": {"host": "localhost",
                           "port": port["submission_port"],
                           "security": "starttls"},
            "submissions": {"host": "localhost",
                            "port": port["submissions_port"],
                            "security": "tls"},
            "smtp": {"host": "localhost", "port": port["smtp_port"],
                     "security": "none"},
            "users": users}
        if (self.folder / "bin/caldavd").exists():
            https = f"127.0.0.1:{port['https_port']}"
            target["dav"] = {
                "url": f"https://localhost:{port['https_port']}/dav/",
                "calendar": "{login}/calendar/",
                "contacts": "{login}/contacts/", "well_known": True,
                "scheduling": False, "freebusy": False}
            target["web"] = {f"{name}:443": https for name in
                             ("autoconfig.tenant.test",
                              "autodiscover.tenant.test", "tenant.test")}
        (self.folder / "target.json").write_text(json.dumps(target, indent=1))

    def show(self, passwords):
        say("running; accounts:")
        for address, password in passwords.items():
            print(f"    {address:24} {password}")
        port = self.ports
        print(f"  IMAP   localhost {port['imap_port']} STARTTLS, "
              f"{port['imaps_port']} TLS\n"
              f"  SMTP   localhost {port['submission_port']} STARTTLS, "
              f"{port['submissions_port']} TLS; from outside "
              f"{port['smtp_port']}\n"
              f"  DAV    https://localhost:{port['https_port']}/dav/\n"
              f"  trust  {self.folder}/ca.pem in your client\n"
              f"  tests  {self.folder}/target.json\n"
              f"  admin  {self.build}/admin/bastide --socket "
              f"{self.folder}/data/admin.sock --help\n"
              "Ctrl-C stops it.", flush=True)

    def prepare(self):
        """Started, with a folder of its own, but without accounts."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o755 if os.geteuid() == 0 else 0o700)
        certificates(self.folder)
        secret = self.folder / "passphrase"
        if not secret.exists():
            secret.write_text(secrets.token_urlsafe(24) + "\n")
            secret.chmod(0o600)
        say("starting bastided")
        self.start()

    def run(self):
        self.prepare()
        passwords = self.make_accounts()
        self.target(passwords)
        self.show(passwords)
        return self.process.wait()

    def stop(self, *_):
        if self.process and self.process.poll() is None:
            say("stopping")
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.process.kill()


def main():
    demo = Demo(arguments())

    def on_signal(*_):
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, on_signal)
    try:
        return demo.run()
    except KeyboardInterrupt:
        return 0
    finally:
        demo.stop()


if __name__ == "__main__":
    sys.exit(main())
