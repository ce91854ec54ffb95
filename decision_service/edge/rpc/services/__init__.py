"""One module for each gRPC service: its methods read a request, call a use case and make a reply.

No rule of deciding lives here, and no field of a message is laid out here that `mapping` could.
"""
