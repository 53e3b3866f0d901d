"""Make the API's OpenAPI document from the code. Entry points do not import it."""
