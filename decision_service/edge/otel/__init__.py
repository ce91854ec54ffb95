"""Spans and metrics for OpenTelemetry; needs the packages of the extra `otel`."""
