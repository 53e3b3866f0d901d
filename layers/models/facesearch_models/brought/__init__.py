"""Networks that people bring: checked, tried and quantised before a recipe may use them."""
