"""Ways to reach people, and to keep alerts silent: mail, webhooks, Alertmanager."""
