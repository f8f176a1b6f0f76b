"""The four-site lab on one machine: real PostgreSQL, DNS and applications on loopback, no root needed."""
