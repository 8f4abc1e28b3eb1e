"""Sphinx: the pages of docs/ and the docstrings as a site (make docs)."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from docutils import nodes

from hpcbbp import __version__
from hpcbbp.explore import write_explorer

project, author, release = "hpcbbp", "The hpcbbp developers", __version__
project_copyright = "2026, the hpcbbp developers"
extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
    "sphinx.ext.mathjax",
    "sphinx-mathjax-offline",  # MathJax beside the pages: nothing is asked of a network when they are read
    "sphinx_design",
    "sphinx_copybutton",
]
source_suffix = {".md": "myst-nb", ".rst": "restructuredtext"}
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"hpcbbp {release}"
html_baseurl = ""
html_static_path, html_css_files = ["_static"], ["site.css"]
myst_heading_anchors = 3
myst_enable_extensions = ["dollarmath", "amsmath", "colon_fence", "deflist", "attrs_inline"]
# Pages that are notebooks are executed at every build; a cell that fails is an error of the build.
nb_execution_mode = "force"
nb_execution_timeout = 300
nb_execution_raise_on_error = True
autosummary_generate = False  # tables at the head of pages, whose names the pages document themselves
autodoc_member_order = "bysource"
autodoc_typehints = "none"  # the docstrings say shapes and units
autodoc_preserve_defaults = True
napoleon_use_param = False  # types are words, "(m_local, n) array": no part of them is a link
napoleon_custom_sections = [("Attributes", "params_style")]  # a list, as parameters are, without links of its own
# Pages name files of the repository that are no pages of the site (CONTRIBUTING.md, tables, scripts).
suppress_warnings = ["myst.xref_missing"]

_CODE = re.compile(r"(`[^`]*`)")


def plain(app: Any, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Docstrings are plain text with the field's notation (p*, lambda_-, |v|), not reStructuredText."""
    example = False  # down to the next empty line, with what it prints
    for i, line in enumerate(lines):
        example = bool(line.strip()) and (example or line.lstrip().startswith(">>>"))
        if example or line.lstrip().startswith(("..", ":")):
            continue
        parts = _CODE.split(line)
        parts[::2] = [re.sub(r"([*|]|(?<=\w)_(?!\w))", r"\\\1", part) for part in parts[::2]]
        lines[i] = "".join(part.replace("`", "``") if part.startswith("`") else part for part in parts)
    if what in ("property", "attribute", "data"):
        lines.insert(0, "")  # what stands before a colon in the first line would be taken for a type


def keep_together(app: Any, tree: nodes.document, page: str) -> None:
    """A line may begin after any formula, even before a comma: brackets and stops beside it are kept on its line."""
    for formula in list(tree.findall(nodes.math)):
        parent = formula.parent
        place = parent.index(formula)
        before, after = parent[:place][-1:], parent[place + 1 : place + 2]
        opened, closed = (
            re.search(pattern, text[0]) if text and isinstance(text[0], nodes.Text) else None
            for pattern, text in ((r"[(\[\"]+$", before), (r"^[,.;:!?)\]'\"]+", after))
        )
        span = nodes.inline(classes=["together"])
        parent.replace(formula, span)
        if closed:
            parent[place + 1] = nodes.Text(after[0][closed.end() :])
        if opened:
            parent[place - 1] = nodes.Text(before[0][: opened.start()])
        span += [nodes.Text(opened[0] if opened else ""), formula, nodes.Text(closed[0] if closed else "")]


CITED = re.compile(r"docs/([\w-]+)\.md(?: \((\d+)\))?")


def link_pages(app: Any, tree: nodes.document, page: str) -> None:
    """Docstrings cite pages and equations as files of the repository, docs/theory.md (13): here they are links."""
    if not page.startswith("reference"):
        return
    for text in list(tree.findall(nodes.Text)):
        pieces: list[nodes.Node] = []
        end = 0
        for found in CITED.finditer(text):
            if found[1] in app.env.found_docs and not isinstance(text.parent, (nodes.literal, nodes.literal_block)):
                place = f"#eq-{found[2]}" if found[2] else ""
                label = found[1] + (f" ({found[2]})" if found[2] else "")
                address = app.builder.get_relative_uri(page, found[1]) + place
                pieces += [nodes.Text(text[end : found.start()]), nodes.reference("", label, refuri=address)]
                end = found.end()
        if pieces:
            text.parent.replace(text, [*pieces, nodes.Text(text[end:])])


def explorer(app: Any, trouble: Exception | None) -> None:
    """The landing page shows the explorer, a file of its own beside the pages."""
    if trouble is None and app.builder.format == "html":
        write_explorer(Path(app.outdir) / "explore.html")


def setup(app: Any) -> None:
    """Before napoleon reads the sections."""
    app.connect("autodoc-process-docstring", plain, priority=100)
    app.connect("doctree-resolved", keep_together)
    app.connect("doctree-resolved", link_pages)
    app.connect("build-finished", explorer)
