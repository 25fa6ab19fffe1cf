"""The only composition: settings to adapters to services."""
