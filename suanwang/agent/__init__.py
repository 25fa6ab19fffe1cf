"""What a site runs: the agent calls its hub, drives the site's own engine through the same port, and reports back."""
