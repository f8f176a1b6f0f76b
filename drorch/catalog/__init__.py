"""What is there: sites, departments, protection groups, applications. YAML to model, checks, diff, CSV import."""
