"""The ground floor: errors, clock, ids, findings, canonical encoding. Imports nothing of drorch, does no I/O."""
