"""The real parts that tests run against, each started on this machine alone and stopped again."""
