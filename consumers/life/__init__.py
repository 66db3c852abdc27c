"""What people say about alerts: silences, acknowledgements, verdicts."""
