"""The kill campaign: real servers, real stages as processes, a seeded schedule of faults, and a verdict by an oracle
that is computed from the producer's journal alone. `python -m tests.chaos --help`."""
