"""What an evaluation cannot tell, in words: part of every report."""

LFW_LIMITS = """\
**Labeled Faces in the Wild** was collected from news photos of the early 2000s: politicians, \
athletes, entertainers. Estimates put it at about 77 % men and 84 % white people (Han and Jain, \
2014, as cited by Buolamwini and Gebru, "Gender Shades", 2018); its makers themselves warn of few \
children, few people over 80, few women, and several ethnicities that are rare or missing. Every \
face was found by the Viola-Jones detector first, so that profiles, strong shadows, low \
resolution and covered faces are rare: a detection rate of nearly 100 % is a property of the \
collection. Photos of one person are often of one event, its pairs of two people mostly differ in \
age, sex or colour, and a few labels are wrong. LFW has no labels of groups, so that nothing here \
shows that errors are alike for everyone; studies of other systems found false accepts to differ \
by factors of ten to a hundred between groups (Grother, Ngan and Hanaoka, NIST IR 8280, 2019)."""

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
