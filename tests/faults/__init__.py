"""What a trustworthy chat survives: real processes, real sockets, and faults between them.

Rows are those of the fault list; the invariants that hold after every test are in `invariants.py`.
"""
