"""Tools that a model can call: what they are, what they may be given, and how one call runs."""
