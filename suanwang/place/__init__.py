"""Where and when a workload runs at least total cost, and why. Pure functions."""
