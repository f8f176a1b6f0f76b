"""Ways to look at one target: http, tcp, tls, ssh, sql, dns."""
