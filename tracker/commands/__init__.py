"""The verbs of the command line, one a file: ``add_arguments`` and ``run``."""
