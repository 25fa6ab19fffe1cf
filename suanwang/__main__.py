"""`python -m suanwang`: the command line."""

import sys

from suanwang.interfaces.cli.main import main

sys.exit(main())
