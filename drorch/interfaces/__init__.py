"""How people and machines ask: the command, REST, the console. No rule is made here."""
