"""Types of what is kept of an instance, for pydantic: JSON has no others, and no number stands for another kind."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

Text = Annotated[str, Field(strict=True)]
Flag = Annotated[bool, Field(strict=True)]
Whole = Annotated[int, Field(ge=0, lt=2**64, strict=True)]
Units = Annotated[int, Field(ge=1, lt=2**31, strict=True)]
Real = Annotated[float, Field(allow_inf_nan=False, strict=True)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False, strict=True)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False, strict=True)]
