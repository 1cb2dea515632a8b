"""What attaches to a process that runs already: `__main__` from outside of it, `begin` and what follows it inside."""
