"""Who may sign in and who may send: accounts, keys, second factors, guesses."""
