"""Full-text search over a person's titles and messages, on PostgreSQL and on SQLite."""
