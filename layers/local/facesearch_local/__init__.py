"""Code for a person's machine: commands, local server, client, evaluation."""
