"""Ways to reach people: electronic mail and webhooks."""
