"""The console: pages for people, of a process that calls the public API with their credentials."""

from decision_service.cli.output import require_extra

for _module in ("authlib", "joserfc", "python_multipart"):
    require_extra(_module, "the console needs Authlib, joserfc and python-multipart")
