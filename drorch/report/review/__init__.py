"""The management-review pack: one paper about the year, the corrective actions and the exercises."""
