#!/usr/bin/env python3
"""Asks a PDP for decisions until standard input ends, then prints what became of each call as JSON.

usage: load.py TARGET DIR < pipe      TARGET is host:port; DIR has ca.crt, tls.crt, tls.key
A call that got no verdict, for whatever reason, has failed: there is no retry policy, and nothing is
asked twice. What gRPC does on every channel is left on: a request that it knows never left the client,
because the connection was going away just then, goes over the next one. A verdict other than allow
counts as wrong.
"""

import collections
import json
import pathlib
import sys
import threading
import time

import grpc
from toolgate.v1 import decision_pb2, decision_pb2_grpc, types_pb2

CALLERS = 16
CALLS_A_SECOND = 200
DEADLINE_SECONDS = 5
OPTIONS = [
    # A connection for each caller; else all would share one.
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1000),
]
QUESTION = decision_pb2.DecideRequest(
    phase=types_pb2.PHASE_CALL,
    asserted=types_pb2.AssertedSubject(id="agent_7"),
    mcp=types_pb2.Mcp(server="notes", method="tools/call", name="add_note"),
    params_json=b'{"name":"add_note","arguments":{"text":"Call back."}}',
)


class Caller(threading.Thread):
    """Asks at a steady rate, one call after the other."""

    def __init__(self, target, credentials, stop):
        super().__init__()
        self.target, self.credentials, self.stop = target, credentials, stop
        self.seconds = []
        self.failed, self.wrong, self.origins = (collections.Counter() for _ in range(3))

    def run(self):
        with grpc.secure_channel(self.target, self.credentials, OPTIONS) as channel:
            decide = decision_pb2_grpc.DecisionServiceStub(channel).Decide
            while not self.stop.wait(CALLERS / CALLS_A_SECOND):
                self.ask(decide)

    def ask(self, decide):
        started = time.monotonic()
        try:
            reply = decide(QUESTION, timeout=DEADLINE_SECONDS)
        except grpc.RpcError as error:
            self.failed[f"{error.code().name}: {error.details()}"] += 1
            return
        self.seconds.append(time.monotonic() - started)
        self.origins[reply.audit.origin] += 1
        if reply.effect != types_pb2.EFFECT_ALLOW:
            self.wrong[" ".join(reason.code for reason in reply.reasons)] += 1


def main(target, directory):
    ca, key, chain = (pathlib.Path(directory, name).read_bytes() for name in ("ca.crt", "tls.key", "tls.crt"))
    credentials = grpc.ssl_channel_credentials(ca, key, chain)
    stop = threading.Event()
    callers = [Caller(target, credentials, stop) for _ in range(CALLERS)]
    for caller in callers:
        caller.start()
    sys.stdin.read()
    stop.set()
    for caller in callers:
        caller.join()
    seconds = sorted(second for caller in callers for second in caller.seconds)
    milliseconds = lambda share: round(1000 * seconds[int(share * (len(seconds) - 1))], 1) if seconds else None
    total = lambda counters: dict(sum(counters, collections.Counter()))
    print(json.dumps({
        "verdicts": len(seconds),
        "wrong": total(caller.wrong for caller in callers),
        "failed": total(caller.failed for caller in callers),
        "by_replica": total(caller.origins for caller in callers),
        "p50_ms": milliseconds(0.5),
        "p99_ms": milliseconds(0.99),
        "slowest_ms": milliseconds(1),
    }))


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
