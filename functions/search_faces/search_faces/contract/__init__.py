"""Requests and answers of the API. Each type validates, serialises and documents itself."""
