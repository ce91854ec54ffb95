.PHONY: alerts
alerts: .venv/.dev ## Try the Prometheus alerts, each where it fires and where not
	@deploy/need.sh promtool prometheus
	@$(BIN)/pytest deploy/prometheus
	@! command -v promtool >/dev/null || echo "deploy/prometheus/rules.yaml:" \
	  "$$(grep -c -- '- alert:' deploy/prometheus/rules.yaml) alerts fire and stay quiet as their tests say"
	@echo "deploy/prometheus/rules.yaml: a running service shows every metric that they ask for"
