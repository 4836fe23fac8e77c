"""Fault-injection tests: real processes, real sockets, and faults between them.

Row numbers refer to the fault list. `invariants.py` has the invariants that are checked after every test.
"""
