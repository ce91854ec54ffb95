"""The impact of a rule change: sums over applicants whom two sets of rules have judged.

Pure. Sums are whole numbers and merge in any order, so that a report does not depend on how the
applicants were divided.
"""
