"""``python -m drorch`` is the same as the ``drorch`` command."""

from drorch.interfaces.terminal.main import main

main()
