DEPLOY_GROUPS += chart

.PHONY: chart
chart: .venv/.chart ## Lint and render the Helm chart, compare with golden files
	@$(BIN)/pytest deploy/chart
	@echo "Checked: lint, $$(ls deploy/chart/cases | wc -l) renders against golden files and Kubernetes' schemas, settings, probes, refused values."

.PHONY: chart-golden
chart-golden: .venv/.chart ## Write deploy/chart/golden anew, to read the difference
	@$(BIN)/python deploy/chart/rendering.py
