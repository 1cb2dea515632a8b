"""Is started by the other program."""
word = "child"
print(word)  # child
