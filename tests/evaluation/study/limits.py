"""What LFW cannot tell, in words: part of the study's report."""

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
