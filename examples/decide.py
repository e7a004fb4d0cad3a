"""Asks toolgate for one decision. Argument: the path of the PDP's Unix socket."""

import json
import sys

import grpc
from toolgate.v1 import decision_pb2, decision_pb2_grpc, types_pb2

if len(sys.argv) != 2:
    sys.exit("usage: decide.py SOCKET, such as /tmp/toolgate/pdp.sock")

request = decision_pb2.DecideRequest(
    phase=types_pb2.PHASE_CALL,
    asserted=types_pb2.AssertedSubject(id="agent_analytics"),
    mcp=types_pb2.Mcp(server="crm", method="tools/call", name="delete_customer_record"),
    params_json=json.dumps({"name": "delete_customer_record", "arguments": {"id": 7}}).encode(),
)
# By default grpcio names the socket's path as the authority, which is no authority's form.
options = [("grpc.default_authority", "localhost")]
with grpc.insecure_channel(f"unix:{sys.argv[1]}", options=options) as channel:
    reply = decision_pb2_grpc.DecisionServiceStub(channel).Decide(request, timeout=1)

print(types_pb2.Effect.Name(reply.effect))
for reason in reply.reasons:
    print(reason.code, "-", reason.message)
