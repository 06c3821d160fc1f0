"""`python -m mura_ensemble.cli`."""

from mura_ensemble.cli import main

main()
