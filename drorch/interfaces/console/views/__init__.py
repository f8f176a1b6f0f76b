"""View models: pure functions from state, plan and record to what a page says."""
