"""The exceptions that somebody catches; everything else raises what Python has."""


class BadInput(Exception):
    """What a person can mend: a config, a file, an address. One line, told as it is; exit code 2."""


class TransientError(Exception):
    """A source or service failed in a way that may pass (5xx, 429, a dropped connection): worth a retry."""


class CorruptBundle(BadInput):
    """A file of a bundle or of the store does not match its digest, or is missing."""
