# make demo   set up, build, and run the demo to a report
# make test   set up, and run all tests
# make browser-test   look at report pages in headless Chromium
.PHONY: demo test browser-test setup libtorch clean

demo: setup
	cargo run --release -- run demo.toml --out runs/demo

test: setup
	cargo test

browser-test: setup
	NASLENS_PAGES=$(CURDIR)/target/pages cargo test --lib report::html::samples
	node tests/browser/check.mjs target/pages/*.html

setup:
	@scripts/setup.sh

# make libtorch CUDA=1 for the CUDA build
libtorch:
	@CUDA=$(CUDA) scripts/libtorch.sh

clean:
	cargo clean
	rm -rf .libtorch runs
