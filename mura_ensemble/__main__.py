"""`python -m mura_ensemble`."""

from mura_ensemble.commands import main

main()
