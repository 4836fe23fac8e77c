"""Model servers that others wrote, each asked as a person would (bin/upstreams). Not in bin/test: it installs them.

A server of ours can only do what we thought of. These have their own listing, their own chunks, endings and errors.
"""
