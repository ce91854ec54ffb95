"""A gRPC server for asyncio, made directly on the core that the library's own servers stand on."""
