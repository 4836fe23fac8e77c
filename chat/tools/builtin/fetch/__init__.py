"""Reads web pages, and can be talked into reaching nothing else (server-side request forgery).

Every URL, also that of a redirect, must be one that the operator allows (`policy`). Every address is judged where its
socket is made (`addresses`, `door`), so that no name is resolved twice and none can change its mind in between.
"""
