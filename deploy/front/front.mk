DEPLOY_GROUPS += front

.PHONY: check-front
check-front: .venv/.front ## Try the front: certificates, limits, floods (2 minutes)
	@$(BIN)/pytest -n 0 deploy/front
