"""What a running service does under load: at 80 % of what it can do, for long, and at 200 %."""
