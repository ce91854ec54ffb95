"""Prints the services of Client or AsyncClient, each with its calls."""

import asyncio
import json
import sys

import decision_service_client


async def main() -> None:
    """Print."""
    client = getattr(decision_service_client, sys.argv[1])("127.0.0.1:1", plaintext=True)
    services = {name: stub for name, stub in vars(client).items() if not name.startswith("_")}
    print(json.dumps({name: sorted(vars(stub)) for name, stub in services.items()}))


asyncio.run(main())
