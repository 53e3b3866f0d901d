"""The API's OpenAPI document, made from the code; never imported where requests run."""
