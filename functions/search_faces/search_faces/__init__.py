"""The Lambda function behind the search API; `facesearch serve` runs it on one machine."""
