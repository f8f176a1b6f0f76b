"""Runs real Ansible playbooks in worker processes that outlive the orchestrator.

- ``executor``  the port ``run.ports.Executor``
- ``attempt``   one attempt's folder: who may run it, who runs it, how it ended
- ``worker``    what happens inside the worker process (ansible-runner)
- ``warm``      a parent that has Ansible loaded and forks workers: a sixth of the processor time of a cold start
- ``outcome``   job events to a result
- ``secrecy``   what must never be written
"""

from drorch.adapters.ansible.executor import AnsibleExecutor

__all__ = ["AnsibleExecutor"]
