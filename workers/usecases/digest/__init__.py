"""The weekly digest: what somebody of the team reads of their customers on a Monday, and the round that sends it."""
