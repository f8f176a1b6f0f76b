"""``python -m drorch`` is the same as the ``drorch`` command."""

from drorch.cli.main import main

main()
