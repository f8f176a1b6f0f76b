"""Settings of the process, accounts, the doctor, and the composition, which alone names concrete adapters."""
