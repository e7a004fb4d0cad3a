#!/usr/bin/env python3
"""Writes the bundles that are measured, and their inputs. usage: gen.py OUT_DIR

OUT_DIR/{rbac,abac,rbac100k}/{policy.rego,data.json}   bundles (rbac100k: 12 MB of data)
OUT_DIR/inputs/{rbac,abac,abac_deny,rbac100k}.json     policy inputs, version 1, about 0.8 KB each
OUT_DIR/main.rego                                      combines policies for `opa` (dynamic, as opa can)
The expected effects: rbac constrain, abac constrain, abac_deny deny, rbac100k allow.
"""
import json, os, shutil, sys

out, here = sys.argv[1], os.path.dirname(os.path.abspath(__file__))
tools = [f"server{i % 10}.tool-{i:03}" for i in range(200)]

def principal(**extra):
    return {"id": "user-004242", "user": "u:ann", "agent": "a:agent-7", "client": "c:ide", "roles": ["role-03", "role-11", "role-07"],
            "delegation": ["root", "agent-7"], "authenticated_by": "mtls", "roles_from": "directory",
            "attributes": {"department": "eng", "tz": "America/New_York", "clearance": "restricted", "mfa": True, "trust_level": 3,
                           "permissions": ["sql:read"], "scopes": ["db:read", "db:list"]} | extra}

def call(name, arguments, **extra):
    return {"version": 1, "phase": "call", "time": {"ns": 1795190400000000000, "rfc3339": "2026-11-20T16:00:00Z"}, "tenant": "acme", "principal": principal(**extra),
            "mcp": {"server": name.split(".")[0], "method": "tools/call", "name": name, "protocol": "2026-07-28"}, "arguments": arguments,
            "session": {"id": "0b9c2a7e-3c3d-4f2e-9a53-2f3b1f7c9d10", "labels": []},
            "context": {"purpose": "analytics", "channel": "internal", "correlation_id": "req-123456789", "source_ip": "10.2.3.4", "resource_tenant": "acme", "break_glass": False}}

file_args = {"path": "/srv/project/src/main.rs", "content": "x" * 300, "mode": "rw", "n": 5}
sql = "SELECT id, name, email FROM analytics.customers WHERE region = 'us' AND created_at > '2026-01-01' ORDER BY id"
sql_args = {"query": sql, "region": "us-east-1", "table": "analytics.customers", "path": "/srv/exports/out.csv", "note": "weekly export for finance", "amount": 12}
data = {
    "rbac": {"rbac": {"roles": {f"role-{i:02}": {"rank": i} for i in range(20)},
                      "tools": {t: {"min_role": f"role-{i % 20:02}", "audit": "full" if i % 3 == 0 else "basic"} for i, t in enumerate(tools)},
                      "disabled_tools": ["server1.tool-001", "server2.tool-002"]}},
    "abac": {"abac": {"pii_fields": ["ssn", "dob", "email"], "revoked_sessions": [f"sess-{i}" for i in range(50)],
                      "tools": {t: {"sensitivity": ["public", "internal", "confidential", "restricted"][i % 4], "departments": ["eng", "data", "sec"], "owner_department": "data",
                                    "max_len": {"query": 2000, "path": 256, "note": 500}, "required": ["query", "region"], "regions": ["us-east-1", "us-west-2", "eu-west-1", "eu-central-1"],
                                    "patterns": {"table": "^[a-z_][a-z0-9_.]{0,63}$", "region": "^[a-z]{2}-[a-z]+-[0-9]$"}, "sql": True,
                                    "path_prefixes": ["/srv/project/", "/srv/scratch/", "/srv/exports/"], "cidrs": ["192.168.0.0/16", "172.16.0.0/12", "10.0.0.0/8"],
                                    "min_trust": 2, "scopes": ["db:read"], "approvers": ["cfo", "ciso"]} for i, t in enumerate(tools)}}},
    "rbac100k": {"role_perms": {f"role-{r:02}": [f"tool:server{(r * 10 + i) % 10}.tool-{r * 10 + i:03}" for i in range(10)] for r in range(20)},
                 "principals": {f"user-{i:06}": {"roles": [f"role-{i % 20:02}", f"role-{(i * 7 + 3) % 20:02}", f"role-{(i * 13 + 5) % 20:02}"], "department": f"dept-{i % 40}", "tenant": f"t{i % 100}", "disabled": False} for i in range(100_000)}},
}
inputs = {"rbac": call("server7.tool-147", file_args), "abac": call("server2.tool-002", sql_args), "rbac100k": call("server2.tool-022", file_args),
          "abac_deny": call("server2.tool-002", sql_args | {"query": "DROP TABLE users; -- x", "region": "ap-south-1"}, department="sales", clearance="internal")}
main = """package toolgate.main

import rego.v1

deny contains {"policy": p, "reason": r} if some p, r; data.policies[p].deny[r]
allow contains {"policy": p, "reason": r} if some p, r; data.policies[p].allow[r]
approve contains {"policy": p, "reason": r} if some p, r; data.policies[p].approve[r]
constrain contains {"policy": p, "obligation": r} if some p, r; data.policies[p].constrain[r]

default effect := "deny"
effect := "deny" if count(deny) > 0
else := "deny" if count(allow) == 0
else := "require_approval" if count(approve) > 0
else := "constrain" if count(constrain) > 0
else := "allow"

decision := {"effect": effect, "reasons": [r | some r in deny], "granted_by": [r | some r in allow], "obligations": [o | some o in constrain]}
""".replace(" if some p, r; ", " if {\n\tsome p, r\n\t").replace("[r]\n", "[r]\n}\n")
os.makedirs(f"{out}/inputs", exist_ok=True)
for name, d in data.items():
    os.makedirs(f"{out}/{name}", exist_ok=True)
    shutil.copy(f"{here}/bundles/{name}/policy.rego", f"{out}/{name}/policy.rego")
    json.dump(d, open(f"{out}/{name}/data.json", "w"))
for name, i in inputs.items(): json.dump(i, open(f"{out}/inputs/{name}.json", "w"))
open(f"{out}/main.rego", "w").write(main)
