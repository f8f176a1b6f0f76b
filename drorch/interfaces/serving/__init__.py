"""One server of pages, REST and links of call-out messages, put together and listening."""
