"""Data with corrected labels, written in the form in which they came: pictures, rows, texts, arrays."""
