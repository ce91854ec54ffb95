IMAGE := dist/image
DEPLOY_CHECKS += image

# BASE names another base image, such as a distroless Python, and BUILDER one with the same Python and pip.
$(IMAGE)/base.tar: deploy/image/base.sh
	@echo "Making a Debian base with Python alone ..."
	@bash deploy/image/base.sh $(IMAGE)

.PHONY: image
image: .venv/.dev ## Build the container image and try it (BASE and BUILDER)
	@deploy/need.sh mmdebstrap mmdebstrap && deploy/need.sh buildah buildah netavark && deploy/need.sh umoci umoci \
	  && deploy/need.sh skopeo skopeo && deploy/need.sh ip iproute2
	@if [ "$$(id -u)" != 0 ]; then echo "Building and trying the image needs root, so it is skipped"; [ "$$CI" != true ]; else \
	  $(if $(BASE),mkdir -p $(IMAGE),$(MAKE) --no-print-directory $(IMAGE)/base.tar) \
	  && echo "Building the image ..." && BASE=$(BASE) BUILDER=$(BUILDER) bash deploy/image/build.sh $(IMAGE) \
	  && $(BIN)/pytest deploy/image && echo "Checked: user, size, layers, files that the user can write; serve, health, a decision and SIGTERM with a read-only root."; fi
