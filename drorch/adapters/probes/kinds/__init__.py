"""One way to look at one target each: http, tcp, tls, ssh, sql, dns."""
