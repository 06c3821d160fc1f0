"""What stands in a cache of predictions: listing, checking, difference, removal; no torch."""
