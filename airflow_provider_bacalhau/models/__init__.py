"""Typed, tolerant readers of what servers send. No IO."""
