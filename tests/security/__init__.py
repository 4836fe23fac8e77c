"""Attacks that succeeded against similar products. Each test has a control that shows that it can fail."""
