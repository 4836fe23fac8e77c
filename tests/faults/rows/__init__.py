"""Rows that are tried many times: `bin/faults` at length, the tests briefly.

A round of a row is a coroutine that takes a Rig and gives one Trial for each thing that could have gone wrong.
"""
