"""What mkdocs calls while it builds the site: pages that are made, not written.

Made are the tutorials and the gallery (executed), the pages of the command line and of the Python
names, the indices of decisions and scenarios, and the changes. None of them is kept in the source.
"""

from __future__ import annotations

import re
from pathlib import Path

import notebooks
import pages
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[2]
PLOTLY = "vendored/plotly.min.js"
INLINE_CODE = re.compile(r"(?<!</span><code>)(?<=<code>)[^<]+")  # that of blocks follows a span
WITHIN_KEY = re.compile(r"([._/])(?=[\w&])")
OPTION = re.compile(r"(?<![\w-])--\w[\w-]*")

_outputs: dict[str, list[str]] = {}  # page -> HTML of its outputs, put in after Markdown


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are made."""
    made = pages.texts(ROOT)
    for name, notebook in notebooks.executed(ROOT / "docs").items():
        made[f"{name}.md"], _outputs[f"{name}.md"] = notebooks.markdown(notebook, name)
        made[f"{name}.ipynb"] = notebooks.without_outputs(notebook)
    made[PLOTLY] = notebooks.plotly_js()
    for path, content in made.items():
        files.append(File.generated(config, path, content=content))
    for licence in ROOT.glob("scenarios/*/LICENSE"):
        path = licence.relative_to(ROOT).as_posix()
        files.append(File.generated(config, path, abs_src_path=str(licence)))
    return files


def on_page_markdown(markdown: str, page: Page, **_: object) -> str:
    """Let links between docs and scenarios lead to pages of the site; search finds guides first."""
    if page.file.src_uri.startswith(("decisions/", "changes")):
        page.meta["search"] = {"boost": 0.1}
    if page.file.src_uri.startswith("scenarios/"):
        return markdown.replace("](../../docs/", "](../../")
    return re.sub(r"\]\((?:\.\./)+scenarios/", "](../scenarios/", markdown)


def on_page_content(html: str, page: Page, **_: object) -> str:
    """Put in what the cells of a notebook have returned, and say where a long key may break."""
    html = INLINE_CODE.sub(_breakable, html)
    outputs = _outputs.get(page.file.src_uri)
    if outputs is None:
        return html
    script = "../" * page.file.src_uri.count("/") + PLOTLY
    parts = re.split(r'<div class="output" id="output-(\d+)"></div>', html)
    for index in range(1, len(parts), 2):
        parts[index] = f'<div class="output">{outputs[int(parts[index])]}</div>'
    return f'<script src="{script}"></script>\n' + "".join(parts)


def _breakable(code: re.Match[str]) -> str:
    divided = WITHIN_KEY.sub(r"\1<wbr>", code[0])
    return OPTION.sub(r'<span class="option">\g<0></span>', divided)
