"""Process-wide settings: the number of threads and the instruction set level."""


def threads(n_threads, serial_ms):
    """Threads for a call whose serial time is about `serial_ms` milliseconds (skeleton)."""
    return 1 if n_threads is None else n_threads
