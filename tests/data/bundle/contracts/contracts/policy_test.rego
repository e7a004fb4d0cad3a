package policies.contracts_test

test_read if "contracts.read" in data.policies.contracts.allow with input as {"mcp": {"name": "read_contract"}}
