"""The parts of a run: each makes something happen and adds its lines to the score."""
