"""A stand-in for the vendor's sandbox: made-up people, real HTTP, faults on demand.

Start here: `server.build_app` and `server.serve`. `people.sandbox` and `population.population`
make worlds, `scenario.load_scenario` reads a scenario, `faults.Fault` scripts a fault in code.
"""
