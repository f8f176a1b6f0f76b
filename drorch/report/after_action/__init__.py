"""After-action reports: generated from the evidence of runs, completed by people, reviewed, approved."""
