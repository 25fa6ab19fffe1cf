"""The use cases: submit, tick, settlement, planning, tenants, programmes."""
