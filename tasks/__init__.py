"""Deskloop's verbs: one module per stage. A body loads, calls a noun, saves and returns a receipt."""
