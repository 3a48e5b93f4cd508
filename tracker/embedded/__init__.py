"""The embedded host: the HTTP server, the consumer beside it, and the folder they live in."""
