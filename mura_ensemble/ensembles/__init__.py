"""Study x backbone probabilities to one probability per study, and what that is honestly worth."""
