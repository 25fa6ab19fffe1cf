"""Where jobs, usage and the ledger are kept: SQL tables, and their twin in memory."""
