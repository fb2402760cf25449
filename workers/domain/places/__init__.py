"""Places: a code on a wall, a link in a profile; whoever opens it answers without a name."""
