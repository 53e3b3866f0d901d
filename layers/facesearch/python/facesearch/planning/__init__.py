"""How large a system has to be: formulas that `facesearch plan` and the stack share."""
