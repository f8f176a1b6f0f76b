"""What is kept in SQL: journal, requests, accounts, instants, peaks."""
