"""Deskloop's nouns: plain domain code that knows nothing about Prefect, tasks or flows."""
