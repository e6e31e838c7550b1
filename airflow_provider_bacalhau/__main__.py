"""`python -m airflow_provider_bacalhau COMMAND`."""

import sys

from airflow_provider_bacalhau.commands.cli import main

if __name__ == "__main__":
    sys.exit(main())
