"""``python -m drorch.testing.citrix FOLDER``: a whole simulated installation, until Ctrl-C, to try commands on."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

from drorch.testing.citrix.installation import installation


def main() -> None:
    """Serve until ended."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "simulated-citrix")
    with installation(folder) as made:
        sys.stdout.write(f"drorch access doctor --sources {made.sources}\n")
        sys.stdout.flush()
        signal.sigwait({signal.SIGINT, signal.SIGTERM})


if __name__ == "__main__":
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    main()
