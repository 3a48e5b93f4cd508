"""``python -m tracker``"""

import sys

try:
    from tracker.cli import main
except ModuleNotFoundError as error:
    sys.exit(
        f"tracker: this Python ({sys.executable}) has no {error.name}: run `make setup`,"
        " then `. .venv/bin/activate`"
    )

sys.exit(main())
