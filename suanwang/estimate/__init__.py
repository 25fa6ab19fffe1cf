"""What a workload needs on an accelerator: operations, bytes, time, memory, energy. Pure functions."""
