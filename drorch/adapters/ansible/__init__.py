"""Playbooks through ansible-runner in worker processes of our own."""
