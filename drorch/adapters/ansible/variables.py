"""The variables of a playbook as data that Ansible takes for data.

Ansible performs templates in whatever ``-e @file`` holds (ansible-core 2.19 too: the file counts as trusted). The whole
is therefore tagged ``!unsafe``: what stands inside is a value, whoever wrote it. The tag belongs to the mapping and not
to each text: Ansible guesses the type of a tagged text anew, and an id such as ``1e5`` would become a number.
"""

from __future__ import annotations

from collections.abc import Mapping

import yaml


class _Unsafe(dict[str, object]):
    """A mapping that is written with the tag."""


class _Dumper(yaml.SafeDumper):
    """Plain data without aliases."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002
        return True


_Dumper.add_representer(_Unsafe, lambda dumper, data: dumper.represent_mapping("!unsafe", dict(data)))


def variables_as_text(name: str, variables: Mapping[str, object]) -> str:
    """A YAML file for ``-e @file`` with one variable. ``variables`` are plain JSON data."""
    return yaml.dump({name: _Unsafe(variables)}, Dumper=_Dumper, width=1000)
