"""Checks an audit log of toolgate by docs/audit-format.md, and by nothing else.

    python3 verify.py DIR [--key VKEY] [--checkpoint FILE]

Needs the package `cryptography`. Says what is wrong first, and exits 1; 2 if it cannot tell."""
import argparse, base64, hashlib, json, pathlib, re, sys
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

parser = argparse.ArgumentParser()
parser.add_argument("dir", type=pathlib.Path)
key = lambda text: pathlib.Path(text).read_text().strip() if pathlib.Path(text).is_file() else text
parser.add_argument("--key", type=key, help="the log's verifier key, or a file that has it: any that it ever had")
parser.add_argument("--checkpoint", help="an older checkpoint that was held elsewhere")
options = parser.parse_args()
(options.dir / "pruned").exists() and parser.error("the log's beginning was archived: `toolgate audit restore` it before")
TILE = re.compile(r"tile/(\d+|entries)/((?:x\d{3}/)*\d{3})(?:\.p/(\d+))?")
sha256 = lambda *parts: hashlib.sha256(b"".join(parts)).digest()

def members(pairs):
    if len(dict(pairs)) < len(pairs):
        raise ValueError("a name occurs twice")
    return dict(sorted(pairs, key=lambda pair: pair[0].encode("utf-16-be")))

def number(text):
    if not re.fullmatch(r"-?[1-9]\d*|0", text) or abs(int(text)) >= 1 << 53:
        raise ValueError(f"{text} is no integer below 2^53")
    return int(text)

def record_of(line):
    record = json.loads(line, object_pairs_hook=members, parse_int=number, parse_float=number, parse_constant=number)
    text = json.dumps(record, separators=(",", ":"), ensure_ascii=False)
    if len(line) > 61440 or text.encode() != line or not isinstance(record["type"], str):
        raise ValueError("not canonical, or too long")
    return record

class Note:  # C2SP signed-note, with a checkpoint as its text
    def __init__(self, name, content):
        self.name, note = name, content.decode()
        self.text, _, lines = note.rpartition("\n\n")
        self.text += "\n"
        lines = re.fullmatch(r"(?:— \S+ \S+\n)+", lines)[0].splitlines()
        self.signed = [(line.split()[1], base64.b64decode(line.split()[2], validate=True)) for line in lines]

    def check(self, vkey):
        name, key_id, key = vkey.split("+", 2)
        key = base64.b64decode(key, validate=True)
        key_id = bytes.fromhex(key_id)
        if sha256(name.encode(), b"\n", key)[:4] != key_id or key[0] != 1:
            sys.exit(f"{vkey} is no Ed25519 verifier key")
        found = [sig[4:] for who, sig in self.signed if who == name and sig[:4] == key_id]
        try:
            for signature in found or [b""]:
                Ed25519PublicKey.from_public_bytes(key[1:]).verify(signature, self.text.encode())
        except InvalidSignature:
            sys.exit(f"{self.name}: not signed with {vkey}")

def checkpoint(path, name):
    try:
        note = Note(name, path.read_bytes())
        note.origin, size, root = note.text.split("\n")[:3]
        note.size, note.root = number(size), base64.b64decode(root, validate=True)
        return note
    except (ValueError, TypeError) as error:
        sys.exit(f"{name}: no checkpoint: {error}")

latest = checkpoint(options.dir / "checkpoint", "checkpoint") if (options.dir / "checkpoint").exists() else None
notes = [checkpoint(path, f"checkpoints/{path.name}") for path in options.dir.glob("checkpoints/" + "[0-9]" * 20)]
if any(int(note.name[-20:]) != note.size for note in notes):
    sys.exit("a file in checkpoints/ is named after another size")
held = [checkpoint(pathlib.Path(options.checkpoint), "the held checkpoint")] if options.checkpoint else []
notes += held + ([latest] if latest else [])
files = {path.relative_to(options.dir).as_posix() for path in options.dir.glob("tile/**/*") if path.is_file()}
files = {name: TILE.fullmatch(name) for name in files if TILE.fullmatch(name)}
stack, levels, bundle, roots = [], [[]], [], {0: sha256()}
root = lambda at=0: sha256(b"\1", stack[at], root(at + 1)) if at + 1 < len(stack) else stack[at] if stack else sha256()

def compare(level, index, parts):  # each tile of this place with the start of these hashes or entries
    span = 256 ** (0 if level == "entries" else int(level))
    name, rest = f"{index % 1000:03}", index // 1000
    while rest:
        name, rest = f"x{rest % 1000:03}/{name}", rest // 1000
    signed = (latest.size if latest else 0) // span - index * 256  # so many are under the checkpoint
    here = {int(match[3] or 256): name_ for name_, match in files.items() if match[1] == str(level) and match[2] == name}
    if signed > 0 and 256 not in here and min(signed, 256) not in here:
        sys.exit(f"tile/{level}/{name}: missing")
    for width, path in here.items():
        if width <= len(parts) and files.pop(path) and (options.dir / path).read_bytes() != b"".join(parts[:width]):
            sys.exit(f"{path}: not what the records make of it (seq {index * 256 * span} or later)")

def add(level, node, size):  # a hash that is to stand in the tiles of a level
    levels.extend([[]] if len(levels) == level else [])
    levels[level].append(node)
    if len(levels[level]) == 256:
        compare(level, (size >> 8 * level) // 256, levels[level])
        levels[level] = []

seq, prev, origin, rotations = 0, "0" * 64, None, []
segments = sorted(options.dir.glob("log-" + "[0-9]" * 20 + ".jsonl")) or sys.exit("no audit log there")
for path in segments:
    if int(path.name[4:24]) != seq or (path != segments[-1] and not path.read_bytes().endswith(b"\n")):
        sys.exit(f"{path.name} (seq {seq}): wrong name, the file has no end, or what was before it is archived")
    for at, line in enumerate(path.open("rb"), 1):
        if not line.endswith(b"\n"):
            print(f"{path.name} line {at} has no end: not a record")
            break
        line, place = line[:-1], f"{path.name} line {at} (seq {seq})"
        try:
            record = record_of(line)
            origin = origin or record["origin"]
            if (record["seq"], record["prev"], record["origin"]) != (seq, prev, origin):
                raise ValueError("wrong, or the record before it is")
            if record["type"] == "key_rotated":
                keys, note = (record["previous"], record["next"]), Note(place, record["note"].encode())
                said = "\n".join(["toolgate audit key rotated", origin, str(seq), base64.b64encode(root()).decode(), *keys, ""])
                if note.text != said or (rotations and rotations[-1][1][1] != keys[0]):
                    raise ValueError("the change of the key does not hold")
                [note.check(key) for key in keys]
                rotations.append((seq, keys))
        except (ValueError, KeyError, TypeError) as error:
            sys.exit(f"{place}: {error}")
        prev, node, height = hashlib.sha256(line).hexdigest(), sha256(b"\0", line), 0
        bundle.append(len(line).to_bytes(2, "big") + line)
        if len(bundle) == 256:
            compare("entries", seq // 256, bundle)
            bundle = []
        add(0, node, seq)
        while seq >> height & 1:
            node, height = sha256(b"\1", stack.pop(), node), height + 1
            if height % 8 == 0:
                add(height // 8, node, seq)
        stack.append(node)
        seq += 1
        if any(note.size == seq for note in notes):
            roots[seq] = root()
for level, parts in [("entries", bundle), *enumerate(levels)]:
    compare(level, seq // (256 * 256 ** (0 if level == "entries" else level)), parts)
if files:
    sys.exit(f"{min(files)}: over records that are not there")
for note in notes:
    if note.origin != origin or roots.get(note.size) != note.root:
        sys.exit(f"{note.name}: of another log, or records under it were altered or cut off (size {note.size}, {seq} here)")
keys = [rotations[0][1][0], *(keys[1] for _, keys in rotations)] if rotations else [options.key] * bool(options.key)
if options.key and (options.key not in keys or options.key.split("+")[0] != origin or not latest):
    sys.exit("the log has no checkpoint, or that key is none of its")
for note in notes if keys else []:
    note.check(keys[sum(at < note.size for at, _ in rotations)])
trust = "by the key given" if options.key else "only by keys that it names itself" if keys else "by nothing: give --key"
print(f"{seq} records, head {seq - 1}:{prev}; {max((note.size for note in notes), default=0)} of them vouched for {trust}")
