#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""Who may include what (doc/ARCHITECTURE.md, folders and layers).

Outside its own folder a file includes only <bastide/x.h>; each such header
belongs to a house, and an include goes only downwards:

    daemon, admin -> imapd, smtpd, caldav -> store, mail -> lib

The three houses in the middle never include one another; store and mail know
nothing of each other.

usage: tests/layers.py [FOLDER]     prints what breaks the rules; 1 if any
"""
import pathlib
import re
import sys

# What a folder may use besides itself.
BELOW = {
    "lib": set(),
    "store": {"lib"},
    "mail": {"lib"},
    "imapd": {"lib", "store", "mail"},
    "smtpd": {"lib", "store", "mail"},
    "caldav": {"lib", "store", "mail"},
    "daemon": {"lib", "store", "mail", "imapd", "smtpd", "caldav"},
    "admin": {"lib"},
}
# Headers in include/bastide/ that are not lib's.
OWNER = {name: "store" for name in (
    "account.h", "collection.h", "directory.h", "mailbox.h", "queue.h",
    "store.h")}
OWNER["mail.h"] = "mail"
# Contracts between processes name the store's values (struct oid), not its
# functions: the linker shows that (tests/t_symbols.py).
SHARED = {"store.h"}
# A front is a program of its own: no store, whatever its house may.
FRONT_BELOW = {"lib", "mail"}

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)


def allowed(folder, path):
    if folder in ("imapd", "smtpd", "caldav") and "front" in path.parts:
        return FRONT_BELOW
    return BELOW[folder]


def problems(root):
    for folder in BELOW:
        for path in sorted((root / folder).rglob("*.[ch]")):
            name = path.relative_to(root)
            for kind, header in INCLUDE.findall(path.read_text()):
                if kind == '"':
                    target = (path.parent / header).resolve()
                    if not target.is_relative_to(root / folder):
                        yield f'{name}: "{header}" leaves its folder'
                    continue
                if not header.startswith("bastide/"):
                    if header == "sqlite3.h" and folder != "store":
                        yield f"{name}: only store/ sees <sqlite3.h>"
                    continue
                short = header.split("/", 1)[1]
                owner = OWNER.get(short, "lib")
                if owner != "lib" and owner != folder and \
                        short not in SHARED and \
                        owner not in allowed(folder, path):
                    yield f"{name}: <{header}> is {owner}'s"


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else
                        pathlib.Path(__file__).parent.parent).resolve()
    found = list(problems(root))
    print("\n".join(found) or "layers: ok")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
