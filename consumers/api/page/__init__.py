"""The live page: its assets, and how they are served."""
