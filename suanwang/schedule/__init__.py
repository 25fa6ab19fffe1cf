"""The scheduling cycle: one pure function of a snapshot, live and in replay."""
