"""The rules in use: taken over, remembered, looked back on."""
