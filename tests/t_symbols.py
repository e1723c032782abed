#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""What talks to the Internet has no store: the linker says so. Neither have
keyd, bastided and the worker. The control is tenantd, which has one. And
every program is position independent, with its jump tables read-only."""
import os
import pathlib
import subprocess
import sys

SOURCE = pathlib.Path(os.environ.get("SOURCE_DIR")
                      or pathlib.Path(__file__).resolve().parents[1])
BUILD = pathlib.Path(os.environ.get("BUILD_DIR") or SOURCE / "build")
WITHOUT = ("imapd/imapd", "smtpd/smtpd", "daemon/keyd", "daemon/bastided",
           "daemon/worker", "caldav/caldavd", "smtpd/relayd")


def symbols(program, *options):
    text = subprocess.run(["nm", *options, str(program)], check=True,
                          capture_output=True, text=True).stdout
    return {line.split()[-1].split("@")[0] for line in text.splitlines()
            if len(line.split()) > 1}


STORE = symbols(BUILD / "store" / "libstore.a", "--defined-only",
                "--extern-only")


def store_symbols(program):
    return sorted(s for s in symbols(program)
                  if s in STORE or s.startswith("sqlite3_"))


def libraries(program):
    return subprocess.run(["ldd", str(program)], check=True,
                          capture_output=True, text=True).stdout


bad = 0
for name in WITHOUT:
    program = BUILD / name
    found = store_symbols(program)
    good = not found and "libsqlite3" not in libraries(program)
    bad += not good
    print(f"{'ok' if good else 'not ok'} - {name} has no store"
          f"{': ' + ', '.join(found[:10]) if found else ''}")
found = store_symbols(BUILD / "daemon" / "tenantd")
good = "store_open" in found and "sqlite3_step" in found
bad += not good
print(f"{'ok' if good else 'not ok'} - tenantd has one ({len(found)} symbols)")
for name in WITHOUT + ("daemon/tenantd", "admin/bastide"):
    text = subprocess.run(["readelf", "-W", "-h", "-l", "-d",
                           str(BUILD / name)], check=True,
                          capture_output=True, text=True).stdout
    stack = [line for line in text.splitlines() if "GNU_STACK" in line][0]
    good = (" DYN " in text and "FLAGS_1" in text and "NOW PIE" in text
            and "GNU_RELRO" in text and " RW " in stack)
    bad += not good
    print(f"{'ok' if good else 'not ok'} - {name} is hardened")
sys.exit(1 if bad else 0)
