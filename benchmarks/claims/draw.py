"""Pictures and CSV files of the named figures, from the tables of their instances."""

from __future__ import annotations

from claims.pages import ROOT
from claims.tables import FOLDER, records
from hpcbbp.figures.canvas import save
from hpcbbp.figures.catalogue import FIGURES
from hpcbbp.machine.files import csv_text, write_file


def draw(name: str) -> str:
    """A CSV file in docs/results and a picture in docs/images anew; returns their names."""
    named = FIGURES[name.removeprefix("figure-")]
    made, data = named.draw(records(name) if named.simulated else [], False)
    csv, picture = FOLDER / f"{name}.csv", ROOT / "docs" / "images" / f"{name}.png"
    if named.simulated:
        write_file(csv, csv_text(data, "%.8g"))
    save(made, picture, named.about)
    return f"{csv.relative_to(ROOT)}, {picture.relative_to(ROOT)}"
