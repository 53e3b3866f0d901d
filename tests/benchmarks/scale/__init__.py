"""What a million faces take: index shapes written and searched side by side."""
