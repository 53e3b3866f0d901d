"""What runs on a person's machine: commands, local server, client, evaluation."""
