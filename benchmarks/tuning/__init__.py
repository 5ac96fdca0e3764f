"""Trainings of ours under equal budgets, told apart on a part held out of what may be trained on."""
