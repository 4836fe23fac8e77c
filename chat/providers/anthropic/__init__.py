"""Services that speak Anthropic's Messages API."""
