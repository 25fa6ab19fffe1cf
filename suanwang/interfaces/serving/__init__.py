"""What the API and the console share: who calls, how a refusal looks, what every request passes, what is logged."""
