"""How bright the organs are in each contrast phase.

HU after Bae, "Intravenous contrast medium administration and scan timing at CT", Radiology 256
(2010), and textbook ranges of native CT: liver 50-65, spleen 40-55, kidney 30-40, blood 40-50.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Phase:
    """HU of one contrast phase. name: for the series description."""

    name: str
    aorta: float
    veins: float
    portal: float
    hepatic: float
    liver: float
    spleen: float
    cortex: float
    medulla: float
    pancreas: float
    bowel_wall: float


PORTAL = Phase(
    "portal venous", aorta=158, veins=152, portal=176, hepatic=166, liver=112, spleen=128,
    cortex=196, medulla=162, pancreas=98, bowel_wall=94,
)  # fmt: skip
ARTERIAL = Phase(
    "arterial", aorta=310, veins=84, portal=112, hepatic=70, liver=74, spleen=132,
    cortex=205, medulla=92, pancreas=116, bowel_wall=112,
)  # fmt: skip
NATIVE = Phase(
    "native", aorta=44, veins=43, portal=43, hepatic=43, liver=58, spleen=48,
    cortex=36, medulla=32, pancreas=42, bowel_wall=42,
)  # fmt: skip
