"""From a recipe to a trained network: defaults, plan, data, network, engine."""
