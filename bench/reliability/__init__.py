"""`make reliability`: the service as a process, under load and faults, and a block of figures.

`__main__` runs the parts one after another and prints the block; each part is a module with one
function that fills a `Score`. `child` is the served process, with what a test arms in it.
"""
