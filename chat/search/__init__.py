"""Full-text search in a user's titles and messages, on PostgreSQL and on SQLite."""
