"""Signs of abuse of voucher programmes, scored with evidence for a person: seven patterns, one module each."""
