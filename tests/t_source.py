#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""Layers and lint hold in the tree, and each would notice what it forbids."""
import os
import pathlib
import sys

SOURCE = pathlib.Path(os.environ.get("SOURCE_DIR")
                      or pathlib.Path(__file__).resolve().parents[1])
sys.path.insert(0, str(SOURCE / "tests"))
import layers  # noqa: E402
import lint  # noqa: E402

FOLDER = pathlib.Path(os.environ.get("TEST_DIR", "/tmp"))
HEAD = "/* SPDX-License-Identifier: EUPL-1.2 */\n"
BAD = 0


def report(name, good, detail=""):
    global BAD
    BAD += not good
    print(f"{'ok' if good else 'not ok'} - {name}{': ' + detail if detail else ''}")


def noticed(module, path, text):
    """Is a tree with this one file refused?"""
    root = FOLDER / "tree"
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    try:
        return list(module.problems(root.resolve()))
    finally:
        file.unlink()


for name, module in (("layers", layers), ("lint", lint)):
    found = list(module.problems(SOURCE))
    report(f"{name} of the tree", not found, "; ".join(found[:20]))

WRONG_LAYERS = {
    "lib/a.c": "#include <bastide/mailbox.h>\n",
    "mail/a.c": "#include <bastide/mailbox.h>\n",
    "store/a.c": "#include <bastide/mail.h>\n",
    "imapd/front/a.c": "#include <bastide/mailbox.h>\n",
    "imapd/session/a.c": '#include "../../smtpd/proto.h"\n',
    "daemon/a.c": '#include "../lib/gate.h"\n',
    "imapd/a.c": "#include <sqlite3.h>\n",
    "admin/a.c": "#include <bastide/directory.h>\n",
}
for path, text in WRONG_LAYERS.items():
    report(f"layers notice {path}", bool(noticed(layers, path, text)))
RIGHT_LAYERS = {
    "imapd/session/a.c": "#include <bastide/mailbox.h>\n",
    "daemon/a.c": "#include <bastide/directory.h>\n",
    "store/a.c": '#include <sqlite3.h>\n#include "b.h"\n',
}
for path, text in RIGHT_LAYERS.items():
    report(f"layers accept {path}", not noticed(layers, path, text))

LONG = "int f(void)\n{\n" + "\tx();\n" * 99 + "}\n"
WRONG_LINT = {
    "a long function": HEAD + LONG,
    "a long file": HEAD + "int a;\n" * 1000,
    "a banned call": HEAD + "void f(void)\n{\n\tp = malloc(5);\n}\n",
    "another banned call": HEAD + "int n = atoi (s);\n",
    "no licence": "int a;\n",
}
for what, text in WRONG_LINT.items():
    report(f"lint notices {what}", bool(noticed(lint, "daemon/a.c", text)))
RIGHT_LINT = {
    "a function of 100 lines": HEAD + LONG.replace("\tx();\n", "", 1),
    "a comment": HEAD + "/* malloc(5) */ const char *s = \"atoi(x)\";\n",
    "a name that ends so": HEAD + "void f(void)\n{\n\tmy_malloc(5);\n}\n",
    "a method": HEAD + "void f(void)\n{\n\tm->realloc(5);\n}\n",
    "a long table": HEAD + "int t[] = {\n" + "\t1,\n" * 200 + "};\n",
}
for what, text in RIGHT_LINT.items():
    found = noticed(lint, "daemon/a.c", text)
    report(f"lint accepts {what}", not found, "; ".join(found))
sys.exit(1 if BAD else 0)
