"""`python -m athena` is the `athena` command."""

from athena.cli import main

main(prog_name="athena")
