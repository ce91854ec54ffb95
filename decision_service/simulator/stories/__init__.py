"""What the four sandbox people's accounts hold, told relative to the day it is."""
