"""The vendor's adapter: reads one applicant over HTTP into a `Snapshot`, or says what failed.

Here stand the source that the pipeline sees, the client, the limits and the errors; no module
decides anything about an applicant, and no word of the vendor's wire format leaves the package.
"""
