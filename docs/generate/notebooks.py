"""Notebooks: scripts paired by jupytext, executed, as pages of the site."""

from __future__ import annotations

import html
import logging
import re
import shutil
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import jupytext
import nbclient
import plotly.io
import plotly.offline
from nbformat import NotebookNode
from traitlets.config import Config

LOG = logging.getLogger("mkdocs.notebooks")
AT_ONCE = 2
CELL_LIMIT_S = 240
PLOTLY_MIME = "application/vnd.plotly.v1+json"
PROGRESS = re.compile(r"\d+ of \d+ (periods|episodes)")


def executed(docs: Path) -> dict[str, NotebookNode]:
    """Execute all notebooks, and return them by page.

    Parameters
    ----------
    docs
        Folder of the documentation: ``tutorials/*.py`` and ``gallery.py`` are notebooks.

    Raises
    ------
    nbclient.exceptions.CellExecutionError
        If a cell raises.
    """
    scripts = [*sorted(docs.glob("tutorials/*.py")), docs / "gallery.py"]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = pool.map(lambda script: _execute(script, docs), scripts)
        names = [script.relative_to(docs).with_suffix("").as_posix() for script in scripts]
        return dict(zip(names, found, strict=True))


def _execute(script: Path, docs: Path) -> NotebookNode:
    notebook = jupytext.read(script)
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(docs / "learned", Path(folder, "learned"))
        nbclient.NotebookClient(
            notebook,
            timeout=CELL_LIMIT_S,
            kernel_name="python3",
            resources={"metadata": {"path": folder}},
            config=Config({"KernelManager": {"transport_encryption": "auto"}}),
        ).execute()
    LOG.info("%s was executed in %.0f s", script.name, time.monotonic() - began)
    return notebook


def without_outputs(notebook: NotebookNode) -> str:
    """Return the notebook as a file that a reader may execute."""
    text: str = jupytext.writes(notebook, fmt="ipynb")
    bare = jupytext.reads(text, fmt="ipynb")
    for cell in bare.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    return str(jupytext.writes(bare, fmt="ipynb"))


def markdown(notebook: NotebookNode, name: str) -> tuple[str, list[str]]:
    """Return a page with a mark for each output, and the outputs as HTML."""
    parts, outputs = [], []
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            parts.append(cell.source)
            continue
        parts.append(f"```python\n{cell.source}\n```")
        shown = [found for found in map(_as_html, cell.outputs) if found]
        if shown:
            parts.append(f'<div class="output" id="output-{len(outputs)}"></div>')
            outputs.append("\n".join(shown))
    file = Path(name).name
    parts.append(f"[Download this page as a notebook]({file}.ipynb)")
    return "\n\n".join(parts) + "\n", outputs


def _as_html(output: NotebookNode) -> str:
    if output.output_type == "stream":
        return f"<pre>{html.escape(output.text)}</pre>" if output.name == "stdout" else ""
    data: dict[str, Any] = output.data
    if PROGRESS.match(data.get("text/plain", "")):  # over when the page is read
        return ""
    if PLOTLY_MIME in data:
        figure = {key: data[PLOTLY_MIME][key] for key in ("data", "layout")}
        options = {"include_plotlyjs": False, "full_html": False, "validate": False}
        return str(plotly.io.to_html(figure, config={"responsive": True}, **options))
    if "text/html" in data:
        return str(data["text/html"])
    return f"<pre>{html.escape(data['text/plain'])}</pre>"


def plotly_js() -> str:
    """Return the library that draws the figures, which all pages share."""
    return str(plotly.offline.get_plotlyjs())
