"""Pages that are made of the source: names, commands, decisions, scenarios, changes."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from gridhaul.contents import CONTENTS

PLOT = """# Figures

::: gridhaul.plot
    options:
      show_root_heading: false
"""


def texts(root: Path) -> dict[str, str]:
    """Return Markdown by page."""
    return {
        **_python_names(),
        **_scenarios(root),
        "command_line.md": _command_line(root),
        "decisions/index.md": _decisions(root),
        "changes.md": (root / "CHANGELOG.md").read_text(encoding="utf-8").replace("](docs/", "]("),
    }


def _python_names() -> dict[str, str]:
    made = {}
    contents = [
        "# Python",
        "`import gridhaul as gh` gives all of these.",
    ]
    for section, modules in CONTENTS.items():
        page = section.lower().replace(" ", "_")
        found = [f"# {section}"]
        names = []
        for module, own in modules.items():
            for name in own:
                if module == "gridhaul":  # a module of its own page
                    names.append(f"[`{name}`]({name}.md)")
                    continue
                names.append(f"[`{name}`]({page}.md#{module}.{name})")
                found.append(f"::: {module}.{name}")
        made[f"api/{page}.md"] = "\n\n".join(found) + "\n"
        contents += [f"## [{section}]({page}.md)", ", ".join(names)]
    made["api/plot.md"] = (
        "# Figures\n\n::: gridhaul.plot\n    options:\n      show_root_heading: false\n"
    )
    made["api/index.md"] = "\n\n".join(contents) + "\n"
    return made


def _scenarios(root: Path) -> dict[str, str]:
    made = {}
    rows = []
    for readme in sorted(root.glob("scenarios/*/README.md")):
        text = readme.read_text(encoding="utf-8")
        made[readme.relative_to(root).as_posix()] = text
        name, title = readme.parent.name, _title(text)
        rows.append(f"| [{name}]({name}/README.md) | {title.removeprefix(f'{name}: ')} |")
    table = "\n".join(["| scenario | what it is |", "|---|---|", *rows])
    made["scenarios/index.md"] = f"# Bundled scenarios\n\n{table}\n"
    return made


def _command_line(root: Path) -> str:
    command = [sys.executable, "-m", "typer", "sim.cli", "utils", "docs", "--name", "gridhaul"]
    found = subprocess.run(
        [*command, "--title", "Command line"], cwd=root, capture_output=True, text=True, check=True
    ).stdout
    # Tables of plain text inside the help of a command keep their lines.
    lined = re.compile(r"^(Axes:\n.*?)(?=\n\*\*Usage)", flags=re.DOTALL | re.MULTILINE)
    return lined.sub(r"```text\n\1```\n", found)


def _decisions(root: Path) -> str:
    rows = [
        f"| {page.name[:4]} | [{_title(page.read_text(encoding='utf-8'))}]({page.name}) |"
        for page in sorted(root.glob("docs/decisions/[0-9]*.md"))
    ]
    head = "# Decisions\n\nWhat was decided, why, and what follows from it.\n"
    return "\n".join([head, "| number | decision |", "|---|---|", *rows, ""])


def _title(text: str) -> str:
    return re.sub(r"^\d+[:.]? *", "", text.splitlines()[0].lstrip("# "))
