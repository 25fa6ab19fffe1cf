"""The pages of the console, one module each: what a page shows comes from a service, how it looks is its template."""
