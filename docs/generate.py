"""Pages of the site that are made from what stands elsewhere: README, docstrings, commands, fields.

`mkdocs build` runs it; nothing is written beside the sources.
"""

import inspect
import re
from importlib import import_module
from pathlib import Path, PurePosixPath

import mkdocs_gen_files

ROOT = Path(__file__).resolve().parents[1]
PAGES = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "saved_models/README.md": "runs.md",
    "benchmarks/RESULTS.md": "results.md",
}
"""What of the project is a page, beside those in docs."""
PARTS = (
    "models", "encoders", "blocks", "losses", "metrics", "data", "optimizers", "schedules",
    "callbacks", "evaluation", "inference", "plots", "runs",
)  # fmt: skip
CALLS = (
    "workflows.train.train", "workflows.resume.resume", "workflows.cross_validate.cross_validate",
    "runs.finding.open_run", "workflows.evaluate.evaluate", "workflows.report.report",
    "workflows.predict.predict", "workflows.prune.prune", "workflows.export.export",
    "workflows.rates.find_learning_rate", "workflows.rates.draw_schedule",
    "workflows.results.Prediction", "labels.Labels", "errors.KsegError", "errors.ArgumentError",
    "errors.Interrupted",
)  # fmt: skip


def main() -> None:
    """Make all of them."""
    examples = sorted((ROOT / "examples").glob("*.py"))
    places = PAGES | {f"examples/{path.name}": f"examples/{path.stem}.md" for path in examples}
    places |= {f"docs/{path.name}": path.name for path in (ROOT / "docs").iterdir()}
    for source, page in {**PAGES, **own_pages()}.items():
        text = (ROOT / source).read_text(encoding="utf-8")
        write(page, linked(text, PurePosixPath(source).parent, places))
    for path in examples:
        doc = inspect.cleandoc(path.read_text(encoding="utf-8").split('"""')[1])
        title = doc.splitlines()[0].rstrip(".")
        write(f"examples/{path.stem}.md", f"# {title}\n\n```python\n{path.read_text()}```\n")
    reference()


def own_pages() -> dict[str, str]:
    """Return the pages that lie in docs."""
    return {f"docs/{path.name}": path.name for path in (ROOT / "docs").glob("*.md")}


def linked(text: str, folder: PurePosixPath, places: dict[str, str]) -> str:
    """Have links lead to pages of the site; what is none of them becomes its text."""

    def replaced(match: re.Match) -> str:
        target, _, anchor = match[2].partition("#")
        if not target or "://" in target:
            return match[0]
        parts: list[str] = []
        for part in (folder / target).parts:
            parts = parts[:-1] if part == ".." else [*parts, part]
        page = places.get("/".join(parts))
        return f"[{match[1]}]({page}{'#' + anchor if anchor else ''})" if page else match[1]

    return re.sub(r"\[([^\]]*)\]\(([^)\s]+)\)", replaced, text)


def reference() -> None:
    """Write the pages of the interfaces: calls, parts, command line, fields of a recipe."""
    write("reference/index.md", f"# Calls\n\n{directives(CALLS)}")
    for part in PARTS:
        stub = (ROOT / "kseg" / part / "__init__.pyi").read_text(encoding="utf-8")
        found = re.findall(r"^from \.(\S+) import (\w+) as", stub, re.MULTILINE)
        module = import_module(f"kseg.{part}")
        about = (module.__doc__ or "").strip()
        names = [f"{part}.{place}.{name}" for place, name in found]
        write(f"reference/{part}.md", f"# kseg.{part}\n\n{about}\n\n{directives(names)}")
    command = "::: mkdocs-click\n    :module: kseg.cli.group\n    :command: kseg\n    :depth: 1\n"
    write("reference/command_line.md", f"# Command line\n\n{command}    :style: table\n")
    write("reference/recipe.md", f"# Fields of a recipe\n\n{fields()}")


def directives(names: tuple[str, ...] | list[str]) -> str:
    """Return what has the docstrings of names printed."""
    return "\n".join(f"::: kseg.{name}\n" for name in names)


def fields() -> str:
    """Return the fields of a recipe as a table."""
    from kseg.runs.recipe import fields as of_recipe

    rows = ["| field | default | what it is |", "|---|---|---|"]
    for path, field in of_recipe().items():
        said = (field.description or "").replace("|", "\\|")
        default = "open" if field.default is None else f"`{field.default}`".replace("|", "\\|")
        rows.append(f"| `{path}` | {default} | {said} |")
    return "\n".join(rows) + "\n"


def write(page: str, text: str) -> None:
    """Write a page of the site."""
    with mkdocs_gen_files.open(page, "w", encoding="utf-8") as file:
        file.write(text)


main()
