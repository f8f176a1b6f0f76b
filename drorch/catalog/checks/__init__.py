"""The checks of the catalog, one subject each. ``drorch.catalog.check`` runs them all."""
