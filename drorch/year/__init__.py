"""The programme of the year: who owes which test until when, what was done about it, when it may be done."""
