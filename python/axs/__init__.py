"""AXS for programs in Python: plans of X-Ray, and what carries them out (README.md)."""
