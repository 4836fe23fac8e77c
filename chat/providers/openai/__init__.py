"""Services that speak the Chat Completions API of OpenAI, and whatever dialect of it they speak."""
