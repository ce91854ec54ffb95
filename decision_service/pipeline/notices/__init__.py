"""Letters to applicants: made of recorded decisions, recorded, and reported as sent."""
