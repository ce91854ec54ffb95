"""`python -m tests.attack`: attempts on a service with TLS and tokens, over loopback, by area.

`areas/` holds a module for each area with one function; `target` is the service that is attacked,
`found` counts what held. Nothing here reaches into the service's process.
"""
