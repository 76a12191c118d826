# make demo   set up, build, and run the demo to a report
# make test   set up, and run all tests
# make browser-test   look at report pages in headless Chromium
# make notebooks   execute the notebooks (needs python3), in .venv-notebooks, without keeping outputs in git
.PHONY: demo test browser-test notebooks setup libtorch cuda-check clean

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

# The tests and `doctor` with the CUDA build of libtorch, which needs no GPU; some 3 GB to download.
cuda-check: setup
	@CUDA=1 LIBTORCH_FOLDER=.libtorch-cuda scripts/libtorch.sh
	LIBTORCH=$(CURDIR)/.libtorch-cuda CARGO_TARGET_DIR=target/cuda cargo test
	LIBTORCH=$(CURDIR)/.libtorch-cuda CARGO_TARGET_DIR=target/cuda cargo run -- doctor

clean:
	cargo clean
	rm -rf .libtorch .libtorch-cuda .venv-notebooks runs
