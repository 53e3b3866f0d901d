"""The costs of a system on AWS."""
