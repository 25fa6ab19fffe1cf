"""Does a site pay back: cash flow, break-even, risk and price of a computing centre, as pure functions of a plan."""
