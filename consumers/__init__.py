"""Everything that reads the topics: the stages, what they decide, and the API. Knows nothing of producers."""
