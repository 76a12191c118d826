# make demo   set up, build, and run the demo to a report
# make test   set up, and run all tests
# make browser-test   look at report pages in headless Chromium
# make notebooks   execute the notebooks (needs python3), in .venv-notebooks, without keeping outputs in git
.PHONY: demo test browser-test notebooks setup libtorch clean

demo: setup
	cargo run --release -- run demo.toml --out runs/demo

test: setup
	cargo test

browser-test: setup
	NASLENS_PAGES=$(CURDIR)/target/pages cargo test --lib report::html::samples
	node tests/browser/check.mjs target/pages/*.html

notebooks: setup
	cargo build --release
	@scripts/notebooks.sh

setup:
	@scripts/setup.sh

# make libtorch CUDA=1 for the CUDA build
libtorch:
	@CUDA=$(CUDA) scripts/libtorch.sh

clean:
	cargo clean
	rm -rf .libtorch .venv-notebooks runs
