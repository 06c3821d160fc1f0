"""One table of calls from files and ensembles."""
