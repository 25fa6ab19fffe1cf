"""Published runs: read a row of a table, estimate what it publishes, score the error. Pure: rows in, figures out."""
