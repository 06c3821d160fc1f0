"""Cohen's kappa with its intervals."""
