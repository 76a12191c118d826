"""Executes all notebooks into a scratch folder and checks that those in git hold no outputs: python execute.py [NAME ...]

python execute.py --clear removes the outputs."""

import sys
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError

import lab

HERE = Path(__file__).resolve().parent
SECONDS = 600


def outputs(book):
    """Cells that were saved with results."""
    return [c for c in book.cells if c.cell_type == "code" and (c.outputs or c.execution_count is not None)]


def clear():
    for path in HERE.glob("*.ipynb"):
        book = nbformat.read(path, as_version=4)
        for cell in outputs(book):
            cell.outputs, cell.execution_count = [], None
        for cell in book.cells:
            cell.metadata.pop("execution", None)
        book.metadata["language_info"] = {"name": "python"}
        path.write_text(nbformat.writes(book) + "\n")


def main(names):
    paths = [HERE / f"{name}.ipynb" for name in names] or sorted(HERE.glob("*.ipynb"))
    books = [(path, nbformat.read(path, as_version=4)) for path in paths]
    for path, book in books:
        nbformat.validate(book)
        if outputs(book):
            sys.exit(f"{path.name} holds outputs; run notebooks/execute.py --clear and commit")
    print(f"naslens: {lab.program()}", flush=True)
    scratch = lab.RUNS / "executed"
    scratch.mkdir(parents=True, exist_ok=True)
    for path, book in books:
        start = time.monotonic()
        try:
            NotebookClient(book, timeout=SECONDS, kernel_name="python3", resources={"metadata": {"path": HERE}}).execute()
        except (CellExecutionError, CellTimeoutError) as error:
            sys.exit(f"{path.name} failed:\n{error}")
        finally:
            nbformat.write(book, scratch / path.name)
        print(f"{path.stem:20} {time.monotonic() - start:6.1f} s", flush=True)
    print(f"with outputs: {scratch}")


if __name__ == "__main__":
    clear() if sys.argv[1:] == ["--clear"] else main(sys.argv[1:])
