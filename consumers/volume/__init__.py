"""Volume rules: alerts about how much is written, not about one article."""
