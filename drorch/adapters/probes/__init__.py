"""Independent observers: http, tcp, tls, ssh, sql, dns."""
