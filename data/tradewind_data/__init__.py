"""What was true in the market, and when it was known: bundles, bars, corporate actions, assets."""
