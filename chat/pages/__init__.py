"""The pages that people open, and what they load."""
