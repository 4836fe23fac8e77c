"""Services that speak OpenAI's Chat Completions API, or a dialect of it."""
