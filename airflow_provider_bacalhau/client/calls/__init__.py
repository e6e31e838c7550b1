"""One pure function per operation of the API."""
