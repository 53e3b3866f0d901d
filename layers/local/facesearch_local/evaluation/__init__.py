"""How well faces are told apart, by which systems: protocols, systems, tables and pictures."""
