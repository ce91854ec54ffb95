"""The gRPC edge: protobuf to domain and back, errors to statuses, limits, health, graceful stop."""
