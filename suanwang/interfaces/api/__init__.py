"""The HTTP interface of a hub: `/v1`, health and metrics. Handlers are thin: they call services and show nouns."""
