"""The series that is being labelled: image, labels, history, findings, and their way to disk."""
