"""The console: pages for people, on the same services and the same sessions as the API."""
