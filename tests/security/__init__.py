"""Attacks that peers of this product fell to, each with the control that shows that the test can fail."""
