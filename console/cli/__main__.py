"""`python -m console.cli`, for where no script was installed."""

import sys

from console.cli import main

sys.exit(main())
