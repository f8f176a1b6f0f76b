"""View models: pure functions from state, plan and report to what a page says. Texts in them are msgids of English."""
