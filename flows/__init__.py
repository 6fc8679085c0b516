"""Deskloop's sentences: the order of the stages and nothing else."""
