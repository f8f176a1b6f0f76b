"""The server processes of the lab: databases, name servers, applications, ssh."""
