#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""SEARCH, SORT and THREAD against a model: a plain scan of the same messages by
Python's own email package. The queries come from a seed, printed on failure.
"""
# proves: SORT THREAD=REFERENCES SEARCH=FUZZY
import email
import email.policy
import functools
import os
import pathlib
import random
import subprocess
import sys
import unicodedata

source = pathlib.Path(os.environ["SOURCE_DIR"])
sys.path.insert(0, str(source / "tests/golden"))
import transcript  # noqa: E402

SEED = int(os.environ.get("SEED", "20260202"))
QUERIES = 2000
THREADS = 300
FUZZY = 600
WORDS = ["Café", "ÉCLAIR", "e\u0301te\u0301", "naïve", "Straße", "漢字", "日本",
         "한글", "жук", "Ωmega", "a", "of", "Report", "RE", "budget", "ǆ"]
FIELDS = ["SUBJECT", "FROM", "TO", "TEXT", "BODY"]


def casemap(text):
    """i;unicode-casemap, RFC 5051."""
    out = ""
    for char in text:
        title = char.title()
        out += unicodedata.normalize("NFKD", title if len(title) == 1 else char)
    return out


ALONE = [(0x2e80, 0x312f), (0x31a0, 0x31bf), (0x31f0, 0x4dbf),
         (0x4e00, 0x9fff), (0xf900, 0xfaff), (0xff66, 0xff9f),
         (0x20000, 0x3ffff)]


def words(folded):
    out, run = [], ""
    for char in folded + " ":
        alone = any(a <= ord(char) <= b for a, b in ALONE)
        if not alone and (char.isascii() and char.isalnum() or char > "\x7f"):
            run += char
            continue
        out += [run] if run else []
        out += [char] if alone else []
        run = ""
    return out


def near(a, b):
    """At most one letter more, less or other: all that one edit makes."""
    if abs(len(a) - len(b)) > 1:
        return False
    if len(a) == len(b):
        return sum(x != y for x, y in zip(a, b)) <= 1
    short, long = sorted((a, b), key=len)
    return any(short == long[:k] + long[k + 1:] for k in range(len(long)))


def likeness(asked, text):
    """Of one word of the query and the words of a message."""
    if asked in text:
        return 100
    if any(asked in word for word in text):
        return 50
    return int(len(asked) >= 5 and any(near(asked, word) for word in text))


def make(rng, number):
    m = email.message.EmailMessage(policy=email.policy.SMTP)
    some = lambda n: " ".join(rng.choice(WORDS) for _ in range(n))
    m["Subject"] = rng.choice(["", "Re: ", "Fwd: "]) + some(rng.choice([1, 1, 2, 4]))
    m["From"] = email.headerregistry.Address(
        some(1), f"u{rng.randint(1, 9)}", "x.example")
    m["To"] = email.headerregistry.Address("", f"v{rng.randint(1, 9)}", "y")
    m["Message-ID"] = f"<{number}@m>"
    if number > 1 and rng.random() < .7:
        refs = rng.sample(range(1, 41), rng.randint(1, 3))
        m["References"] = " ".join(f"<{r}@m>" for r in refs)
    m["Date"] = f"{rng.randint(1, 28)} Feb 2026 10:00:{number % 60:02} +0000"
    m.set_content(some(rng.randint(1, 30)), cte=rng.choice(
        ["base64", "quoted-printable"]))
    if rng.random() < .3:
        m.add_alternative(f"<p>{some(3)}</p>", subtype="html")
    if rng.random() < .3:
        m.add_attachment(b"\0\1", maintype="application", subtype="x",
                         filename=f"file{rng.randint(1, 9)}.bin")
    return m.as_bytes()


class Message:
    def __init__(self, raw):
        m = email.message_from_bytes(raw, policy=email.policy.default)
        self.size = len(raw)
        self.flagged = self.size % 3 == 0
        self.id = str(m["Message-ID"])
        self.date = m["Date"].datetime
        self.subject = str(m["Subject"])
        self.texts = {"SUBJECT": [self.subject], "FROM": [str(m["From"])],
                      "TO": [str(m["To"])]}
        bodies, inner, heads = [], [], []
        for n, part in enumerate(m.walk()):
            fields = [f"{k}: {v}" for k, v in part.items()]
            (inner if n else heads).extend(fields)
            if part.get_content_maintype() == "text":
                bodies.append(part.get_content())
        self.texts["BODY"] = bodies + inner
        self.texts["TEXT"] = bodies + inner + heads
        self.folded = {k: [casemap(t) for t in v]
                       for k, v in self.texts.items()}
        self.words = {k: {w for t in v for w in words(t)}
                      for k, v in self.folded.items()}
        self.refs = str(m["References"] or "").split()

    def has(self, field, word):
        return any(casemap(word) in t for t in self.folded[field])

    def like(self, field, text):
        """The score of a fuzzy key, 0: it does not hold."""
        asked = words(casemap(text))
        scores = [likeness(w, self.words[field]) for w in asked]
        return sum(scores) // len(scores) if all(scores) else 0


def query(rng, depth=0):
    """The text of a search key, and its truth."""
    kind = rng.randint(0, 9 if depth < 3 else 5)
    if kind <= 4:
        field, word = rng.choice(FIELDS), rng.choice(WORDS)
        if rng.random() < .4:
            at = rng.randrange(len(word))
            word = word[at:at + rng.randint(1, 2)]
        word = rng.choice([word, word.lower(), word.upper()])
        return f'{field} "{word}"', lambda m: m.has(field, word)
    if kind == 5:
        size = rng.randint(300, 900)
        return rng.choice([
            (f"LARGER {size}", lambda m: m.size > size),
            (f"SMALLER {size}", lambda m: m.size < size),
            ("FLAGGED", lambda m: m.flagged),
            ("UNFLAGGED", lambda m: not m.flagged)])
    a, ta = query(rng, depth + 1)
    if kind == 6:
        return f"NOT {a}", lambda m: not ta(m)
    b, tb = query(rng, depth + 1)
    if kind == 7:
        return f"OR {a} {b}", lambda m: ta(m) or tb(m)
    return f"({a} {b})", lambda m: ta(m) and tb(m)


def mistyped(rng, word):
    at = rng.randrange(len(word))
    return rng.choice([word[:at] + word[at + 1:], word[:at] + "x" + word[at:],
                       word[:at] + "x" + word[at + 1:], word])


def check_fuzzy(player, messages, rng):
    """FUZZY keys, alone and together, with their scores."""
    for _ in range(FUZZY):
        keys = []
        for _ in range(rng.choice([1, 1, 2])):
            some = [mistyped(rng, rng.choice(WORDS))
                    for _ in range(rng.choice([1, 1, 2, 3]))]
            text = " ".join(some)
            if words(casemap(text)):
                keys.append((rng.choice(FIELDS), text))
        if not keys:
            continue
        either = len(keys) == 2 and rng.random() < .5
        want = []
        for number, m in enumerate(messages, 1):
            scores = [m.like(*key) for key in keys]
            held = [score for score in scores if score]
            if held and (either or all(scores)):
                want.append((number, sum(held) // len(held)))
        query = " ".join(f'{field} "{text}"' for field, text in keys)
        query = f"FUZZY (OR {query})" if either else f"FUZZY ({query})"
        by = rng.random() < .5
        if by:
            want.sort(key=lambda pair: -pair[1])
        command = ("SORT RETURN (RELEVANCY PARTIAL 1:100) (RELEVANCY) UTF-8"
                   if by else
                   "SEARCH RETURN (RELEVANCY PARTIAL 1:100) CHARSET UTF-8")
        lines, reply = ask(player, f"{command} "
                           + query.encode().decode("latin-1"))
        got = (numbers(lines[0].split(b"1:100 ")[1].split(b")")[0]),
               [int(n) for n in
                lines[0].split(b"RELEVANCY (")[1].rstrip(b")").split()])
        if got != ([n for n, _ in want], [score for _, score in want]):
            return f"{query}: got {lines} {reply}, wanted {want}"
    return None


def numbers(text):
    """Of a set."""
    out = []
    for part in text.split(b",") if text != b"NIL" else []:
        low, _, high = part.partition(b":")
        out += range(int(low), int(high or low) + 1)
    return out


class Node:
    def __init__(self, number=0, message=None):
        self.number, self.message = number, message
        self.parent, self.children = None, []

    def move(self, parent):
        if self.parent:
            self.parent.children.remove(self)
        self.parent = parent
        if parent:
            parent.children.append(self)

    def below(self, other):
        return self is other or bool(self.parent and self.parent.below(other))

    def first(self):
        return self if self.number else self.children[0]

    def key(self):
        return self.first().message.date, self.first().number

    def text(self):
        if not self.children:
            return str(self.number)
        mine = str(self.number) if self.number else ""
        if len(self.children) == 1:
            return f"{mine} {self.children[0].text()}"
        return (mine + " " if mine else "") + "".join(
            f"({c.text()})" for c in self.children)


def base(subject):
    """Of the subjects that make() gives."""
    text, reply = subject.strip(), False
    while (low := text.lower()).startswith(("re:", "fwd:", "fw:")):
        text, reply = text[low.index(":") + 1:].strip(), True
    return casemap(text), reply


def linked(chosen):
    """Step 1: all nodes, from (number, message) in mailbox order."""
    nodes, made = {}, []
    for number, message in chosen:
        last = None
        own = nodes.setdefault(message.id, Node())
        made.append(own)
        own.number, own.message = number, message
        for ref in message.refs:
            node = nodes.setdefault(ref, Node())
            if last and not node.parent and not last.below(node):
                node.move(last)
            last = node
        own.move(None)
        if last and not last.below(own):
            own.move(last)
    return list(nodes.values())


def pruned(node):
    """Step 3, below the root: what takes the place of `node`."""
    for child in list(node.children):
        kept = pruned(child)
        child.move(None)
        for one in kept:
            one.move(node)
    return [node] if node.number else list(node.children)


def sort_tree(node):
    for child in node.children:
        sort_tree(child)
    node.children.sort(key=Node.key)


def by_references(chosen):
    roots = []
    for node in [n for n in linked(chosen) if not n.parent]:
        kept = pruned(node)
        if not node.number and len(kept) == 1:
            kept[0].move(None)
            node = kept[0]
        if node.number or node.children:
            roots.append(node)
    for node in roots:
        sort_tree(node)
    roots.sort(key=Node.key)
    table = {}
    for node in roots:
        subject, reply = base(node.first().message.subject)
        have = table.get(subject)
        if not have or (have.number and (
                not node.number
                or base(have.message.subject)[1] and not reply)):
            table[subject] = node
    for node in list(roots):
        subject, reply = base(node.first().message.subject)
        have = table[subject]
        if have is node or node.parent:
            continue
        if not have.number and not node.number:
            for child in list(node.children):
                child.move(have)
            roots.remove(node)
        elif not have.number or (
                reply and not base(have.message.subject)[1]):
            node.move(have)
            roots.remove(node)
        else:
            table[subject] = both = Node()
            roots.remove(have)
            roots[roots.index(node)] = both
            have.move(both)
            node.move(both)
    for node in roots:
        sort_tree(node)
    roots.sort(key=Node.key)
    return "".join(f"({n.text()})" for n in roots)


def check_threads(player, messages, rng):
    for _ in range(THREADS):
        low, high = sorted(rng.sample(range(1, len(messages) + 1), 2))
        chosen = list(enumerate(messages, 1))[low - 1:high]
        want = f"* THREAD {by_references(chosen)}"
        lines, reply = ask(
            player, f"THREAD REFERENCES UTF-8 {low}:{high}")
        if lines != [want.encode()]:
            return f"{low}:{high}: got {lines} {reply}, wanted {want}"
    return None


def ask(player, command):
    player.send("", f"t {command}")
    lines = []
    while True:
        line = player.read("")
        if line.startswith(b"t "):
            return lines, line
        lines.append(line)


def check(player, messages, rng):
    for n in range(QUERIES):
        text, truth = query(rng)
        want = [k for k, m in enumerate(messages, 1) if truth(m)]
        by = rng.choice(["SEARCH", "SORT (SIZE)", "SORT (REVERSE DATE)"])
        if by == "SORT (SIZE)":
            want.sort(key=lambda k: messages[k - 1].size)
        elif by == "SORT (REVERSE DATE)":
            want.sort(key=lambda k: messages[k - 1].date, reverse=True)
        charset = "CHARSET UTF-8" if by == "SEARCH" else "UTF-8"
        lines, reply = ask(player, f"{by} {charset} "
                           + text.encode().decode("latin-1"))
        got = [int(x) for x in lines[0].split()[2:]] if lines else None
        if got != want:
            return f"{by} {text}: got {lines} {reply}, wanted {want}"
    return None


def main():
    rng = random.Random(SEED)
    folder = pathlib.Path(os.environ["TEST_DIR"]) / "store"
    folder.mkdir(mode=0o700)
    host = subprocess.Popen(
        [f"{os.environ['BUILD_DIR']}/tests/session/imap_host", str(folder)],
        stdout=subprocess.PIPE, text=True)
    port = int(host.stdout.readline().split()[1])
    player = transcript.Player(
        functools.partial(transcript.connect_to, port))
    player.read("")
    messages = []
    for number in range(1, 61):
        raw = make(rng, number)
        messages.append(Message(raw))
        flags = "(\\Flagged) " if messages[-1].flagged else ""
        player.connection("")[0].sendall(
            f"a APPEND INBOX {flags}{{{len(raw)}+}}\r\n".encode() + raw
            + b"\r\n")
        player.read("")
    ask(player, "SELECT INBOX")
    why = (check(player, messages, rng) or check_threads(player, messages, rng)
           or check_fuzzy(player, messages, rng))
    host.terminate()
    host.wait(30)
    print(f"not ok model: seed {SEED}: {why}" if why
          else f"ok {QUERIES} queries, {THREADS} threads, {FUZZY} fuzzy")
    return 1 if why else 0


sys.exit(main())
