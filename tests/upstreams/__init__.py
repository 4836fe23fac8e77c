"""Tests against third-party model servers, used as a person would (bin/upstreams). Not in bin/test: it installs them.

Our own fake can only do what we thought of. These have their own model lists, chunks, endings and errors.
"""
