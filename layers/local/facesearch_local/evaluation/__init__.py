"""Accuracy of face recognition on labelled photos: protocols, systems, tables and plots."""
