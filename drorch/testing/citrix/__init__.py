"""Simulators of what remote access is made of, from the public shapes of their interfaces, with switches for faults.

They are ASGI applications and answer on loopback only. What they show is how drorch behaves, never what a real
installation can carry.
"""
