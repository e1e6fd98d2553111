"""The saved model: card, weights, export."""
