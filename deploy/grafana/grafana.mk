.PHONY: dashboards
dashboards: .venv/.dev ## Check the Grafana dashboards: generated, sound, fed
	@deploy/need.sh promtool prometheus
	@$(BIN)/pytest deploy/grafana
	@echo "deploy/grafana: the dashboards are as generated, and a running service shows every metric that they ask for"
