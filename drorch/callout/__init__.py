"""The call-out exercise: who is called by whom, what happened, what to send next; its page and its result."""
