#!/usr/bin/env python3
"""Packs one static program into an OCI image archive, as `docker save` would, without an engine.

usage: image.py OUT.tar NAME:TAG PROGRAM
The program becomes the entry point, /NAME_OF_PROGRAM, of an otherwise empty image, run as 65532.
"""

import gzip
import hashlib
import io
import json
import os
import sys
import tarfile

USER = "65532:65532"


def layer(program, name):
    """A tar of the program alone, with nothing in it that changes from one build to the next."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as tar, open(program, "rb") as file:
        info = tarfile.TarInfo(name)
        info.size = os.path.getsize(program)
        info.mode = 0o755
        tar.addfile(info, file)
    return raw.getvalue()


def digest(blob):
    return "sha256:" + hashlib.sha256(blob).hexdigest()


def described(kind, blob, **more):
    media_type = f"application/vnd.oci.image.{kind}"
    return {"mediaType": media_type, "digest": digest(blob), "size": len(blob), **more}


def main(out, name, program):
    program_name = os.path.basename(program)
    content = layer(program, program_name)
    packed = gzip.compress(content, mtime=0)
    config = json.dumps({
        "architecture": {"x86_64": "amd64", "aarch64": "arm64"}[os.uname().machine],
        "os": "linux",
        "config": {"Entrypoint": ["/" + program_name], "User": USER},
        "rootfs": {"type": "layers", "diff_ids": [digest(content)]},
    }).encode()
    manifest = json.dumps({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": described("config.v1+json", config),
        "layers": [described("layer.v1.tar+gzip", packed)],
    }).encode()
    annotations = {
        "io.containerd.image.name": name,
        "org.opencontainers.image.ref.name": name.rsplit(":", 1)[1],
    }
    index = json.dumps({
        "schemaVersion": 2,
        "manifests": [described("manifest.v1+json", manifest, annotations=annotations)],
    }).encode()
    with tarfile.open(out, "w") as tar:
        files = [("oci-layout", b'{"imageLayoutVersion":"1.0.0"}'), ("index.json", index)]
        blobs = [("blobs/sha256/" + digest(blob)[7:], blob) for blob in (config, packed, manifest)]
        for path, blob in files + blobs:
            info = tarfile.TarInfo(path)
            info.size = len(blob)
            tar.addfile(info, io.BytesIO(blob))


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])
