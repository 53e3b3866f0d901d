"""What an evaluation cannot show: a text in every report."""

GENERAL_LIMITS = """\
Before you rely on such figures, check on **your own** photos:

1. Label photos of a few hundred of the people whom the system will meet, from the cameras it will \
meet, and run this command on them; count the people who are missing from your labels.
2. Name groups (`--groups`: sex, age, skin colour, whatever may be treated unfairly) and compare \
false accepts and false rejects at your one threshold. Rates of small groups have wide intervals.
3. Choose the threshold by what a false accept costs in a search of your size: it meets everybody.
4. Let a person decide whatever matters to somebody, and tell them that the nearest face is the \
nearest, not the same.
5. Repeat it when cameras, people or the recipe change."""
