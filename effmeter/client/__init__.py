"""The recorder from inside the user's program: finding, starting and talking to one."""
