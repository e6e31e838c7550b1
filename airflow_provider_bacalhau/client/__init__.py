"""A typed client of the Bacalhau API: pure calls and readers, and two shells that run them (`sync`, `aio`)."""
