"""Spans for OpenTelemetry; needs the packages of the extra `otel`.

No other package imports more of OpenTelemetry than its API (`tracing`).
"""
