"""SMS: what a text costs, what a reply means, and what is answered to it. Pure; nothing here sends."""
