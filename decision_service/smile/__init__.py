"""The vendor's adapter: reads one applicant over HTTP into a `Snapshot`, or says what failed.

Downwards: source, sharing, reading, waves and payloads, applicant, pages, attempts, client.
"""
