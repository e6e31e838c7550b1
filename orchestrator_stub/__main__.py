"""`python -m orchestrator_stub` is `bacalhau-stub`."""

import sys

from orchestrator_stub.cli import main

sys.exit(main())
