"""Tables of what the program makes of real files, checked in, so that a change is seen."""
