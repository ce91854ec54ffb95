"""Tables, indexes and the version of the schema.

No statement that reads or writes rows of the service.
"""
