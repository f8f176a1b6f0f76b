"""Everything that touches the world, one package per technology. Adapters do not know each other."""
