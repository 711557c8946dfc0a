"""Reading a user's own data: tables of text, labels of any kind, pictures, and the store of what was read."""
