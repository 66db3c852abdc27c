"""A deterministic simulation of the path of an article: the real workers, store and relay over a pretended log, Redis
and clock, with crashes, lost replies, lost tails, zombies and rebalances at seeded moments. Half of the members that
find actors have worker processes, pretended ones: their jobs end in any order, and some workers die.

``python -m tests.simulation --seeds 0:10000`` runs a range, ``--seed N --trace`` one of it again, step by step.
"""
