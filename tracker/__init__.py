"""The tracker kit: know what each user of your web application does."""

__version__ = "0.1.0"
