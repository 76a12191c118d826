# make demo   set up, build, and run the demo to a report
# make test   set up, and run all tests
.PHONY: demo test setup libtorch clean

demo: setup
	cargo run --release -- run demo.toml --out runs/demo

test: setup
	cargo test

setup:
	@scripts/setup.sh

# make libtorch CUDA=1 for the CUDA build
libtorch:
	@CUDA=$(CUDA) scripts/libtorch.sh

clean:
	cargo clean
	rm -rf .libtorch runs
