"""Pictures of placement as SVG or PNG: cost against time, flows between hubs, prices by pool and hour."""
