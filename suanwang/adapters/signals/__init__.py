"""Signals from elsewhere: power prices, PUE and carbon from files, over HTTP, or from Prometheus."""
