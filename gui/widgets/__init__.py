"""Buttons, cards, pills and the other parts of the design."""
