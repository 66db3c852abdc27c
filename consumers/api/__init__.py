"""The HTTP API: alerts, counters, the alert stream, and health."""
