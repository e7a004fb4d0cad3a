package policies.contracts

allow contains "contracts.read" if {
	input.mcp.name == "read_contract"
	data.contracts.open
}
