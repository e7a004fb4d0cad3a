"""Checks an archive of `toolgate audit collect`: python3 verify.py [VKEY], or a file that has it

Needs Python 3 alone; to check the checkpoint's signature also the package `cryptography`, and the
log's verifier key (`name+id+key`), which must come from the operator and not from this archive.
"""
import base64, hashlib, json, pathlib, sys

HERE = pathlib.Path(__file__).resolve().parent


def sha256(data):
    return hashlib.sha256(data).digest()


def wrong(what):
    sys.exit("WRONG: " + what)


def root_over(leaf, index, size, hashes):
    """The root that a leaf and its inclusion proof give (RFC 6962, 2.1.1)."""
    node, last, found = index, size - 1, leaf
    for step in hashes:
        if last == 0:
            return None
        if node & 1 or node == last:
            found = sha256(b"\x01" + step + found)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            found = sha256(b"\x01" + found + step)
        node, last = node >> 1, last >> 1
    return found if last == 0 and index < size else None


def check_signature(note, vkey):
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        name, key_id, key = vkey.strip().split("+", 2)
        key = base64.b64decode(key, validate=True)
    except ValueError:
        sys.exit(f"{vkey} is no verifier key: give the line <origin>+<key id>+<key>")
    text, signatures = note.rsplit("\n\n", 1)
    for line in signatures.splitlines():
        _, signer, signature = line.split(" ", 2)
        signature = base64.b64decode(signature)
        if signer == name and signature[:4].hex() == key_id:
            try:
                Ed25519PublicKey.from_public_bytes(key[1:]).verify(signature[4:], (text + "\n").encode())
            except InvalidSignature:
                wrong("the signature of the checkpoint does not hold")
            return
    wrong(f"the checkpoint is not signed by {name}+{key_id}")


def check_files():
    for line in (HERE / "SHA256SUMS").read_text().splitlines():
        digest, name = line.split("  ", 1)
        if sha256((HERE / name).read_bytes()).hex() != digest:
            wrong(name + " is not what was collected")


def check_chain():
    """Each line of log/ links to the one before it; gives all lines by seq."""
    lines, prev, next_seq = {}, None, None
    for file in sorted((HERE / "log").glob("log-*.jsonl")):
        first = int(file.name[4:24])
        if first != next_seq:
            prev = None
        *whole, torn = file.read_bytes().split(b"\n")
        for seq, line in enumerate(whole, first):
            record = json.loads(line)
            if record["seq"] != seq or prev not in (None, record["prev"]):
                wrong(f"{file.name}: record {seq}, or the one before it")
            lines[seq], prev = line, sha256(line).hex()
        next_seq = first + len(whole)
    return lines


def main():
    manifest = json.loads((HERE / "manifest.json").read_text())
    check_files()
    lines = check_chain()
    note = (HERE / "checkpoint").read_text() if manifest["proved"] else None
    if note and len(sys.argv) > 1:
        given = pathlib.Path(sys.argv[1])
        check_signature(note, given.read_text() if given.is_file() else sys.argv[1])
    proved = chained = 0
    for line in (HERE / "records.jsonl").read_bytes().splitlines():
        seq = json.loads(line)["seq"]
        proof = HERE / "proofs" / f"{seq:020}.tlog-proof"
        if proof.exists():
            head, checkpoint = proof.read_text().split("\n\n", 1)
            _, index, *hashes = head.splitlines()
            _, size, root = checkpoint.splitlines()[:3]
            hashes = [base64.b64decode(step) for step in hashes]
            found = root_over(sha256(b"\x00" + line), seq, int(size), hashes)
            if checkpoint != note or index != f"index {seq}" or found != base64.b64decode(root):
                wrong(f"record {seq} is not in the log of the checkpoint")
            proved += 1
        elif lines.get(seq) == line:
            chained += 1
        else:
            wrong(f"record {seq} has no proof, and is not in log/")
    if proved + chained != manifest["records"]:
        wrong(f"{manifest['records']} records were collected, and {proved + chained} are here")
    print(f"{proved + chained} records of {manifest['origin']}: {proved} proved, {chained} chained")
    if note and len(sys.argv) < 2:
        print("the signature of the checkpoint is NOT checked: give the log's verifier key")
    elif note:
        print("the checkpoint is signed by the key given")
    if chained:
        print("what is only chained can be made up as a whole: compare a head that you held before")


main()
