"""Random requests against a running stub: what is sent, which answers are allowed, and what a run measured."""
