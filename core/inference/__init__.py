"""Whole-case prediction."""
