"""What is done to plans and levels."""

from plans.operations.levels import DefaultAboveHighest, LevelChangedMeanwhile, LevelDetails, edit_level
from plans.operations.plans import PlanDetails, PlanNameTaken, create_plan, edit_plan, packs_in_words

__all__ = [
    "DefaultAboveHighest",
    "LevelChangedMeanwhile",
    "LevelDetails",
    "PlanDetails",
    "PlanNameTaken",
    "create_plan",
    "edit_level",
    "edit_plan",
    "packs_in_words",
]
