"""Ollama: answers over the API that it shares with OpenAI, models over its own."""
