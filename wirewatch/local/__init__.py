"""Servers that run on this machine for the embedded default and for ``up --kafka local``."""
