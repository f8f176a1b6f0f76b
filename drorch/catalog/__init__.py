"""What is there: sites, departments, protection groups, applications, and where they answer."""
