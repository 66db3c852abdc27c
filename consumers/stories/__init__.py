"""Stories: which articles tell of one event, and the alert as a rule and a story."""
