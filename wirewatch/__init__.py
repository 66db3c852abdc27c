"""What producers and consumers both speak: records, topics, the broker seam, settings, metrics and the runner."""

__version__ = "0.1.0"
