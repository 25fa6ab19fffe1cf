"""Who talks to us: the command line."""
