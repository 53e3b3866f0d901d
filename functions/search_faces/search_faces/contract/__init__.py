"""What callers send and get, each declared once: it validates, serialises and documents."""
