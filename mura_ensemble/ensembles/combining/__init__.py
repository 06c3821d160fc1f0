"""The strategies: backbones to one probability per study."""
