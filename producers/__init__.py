"""Everything that puts articles on ``articles.v1``: files, feeds and HTTP ingest. Knows nothing of consumers."""
