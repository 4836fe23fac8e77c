"""Rows that are run many times by `bin/faults`, and briefly by the tests.

A round of a row is a coroutine that takes a Rig and returns a Trial for each thing that could have gone wrong.
"""
