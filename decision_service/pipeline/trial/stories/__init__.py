"""Stories: applicants as an analyst describes them, from their accounts to the decision."""
