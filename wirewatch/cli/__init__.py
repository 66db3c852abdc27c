"""The command line: the one place that knows both producers and consumers, and wires them to settings and servers.

One module per command; each has one Click command called ``command``. main.py lists them and imports them lazily.
"""
