"""A stand-in for the vendor's sandbox: made-up people, real HTTP, faults on demand.

`server.build_app` and `server.serve` start the stand-in, `scenario` reads what it plays, `tenant`
holds what calls have changed. No module may import the adapter: the vendor's document judges both.
"""
