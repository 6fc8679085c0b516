"""Measurements behind `deskloop bench`: each module has `run(...) -> dict` and touches no running system."""
