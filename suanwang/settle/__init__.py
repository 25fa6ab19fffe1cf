"""From usage to the bill: meter, rate, redeem, post, bill. Pure functions."""
