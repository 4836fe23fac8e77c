"""Who is asking, and whether they still may: sessions, tokens, and where a request comes from."""
