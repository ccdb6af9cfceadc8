"""Writes test/fixtures/log-exp.json: correctly rounded ln, ln(1+x) and exp(x)-1 at seeded points (decimal, 60 digits).

    python test/oracle/log_exp.py
"""

import json
import math
import random
import struct
from decimal import Decimal, getcontext
from pathlib import Path

getcontext().prec = 60
getcontext().Emin, getcontext().Emax = -10**6, 10**6
TARGET = Path(__file__).resolve().parents[1] / "fixtures" / "log-exp.json"


def bits(x: float) -> str:
    return struct.pack(">d", x).hex()


def table(points: list[float], function) -> list[list[str]]:
    return [[bits(x), bits(float(function(Decimal(x))))] for x in points]


def main() -> None:
    rng = random.Random(7)
    spread = [math.ldexp(rng.uniform(1, 2), rng.randrange(-1070, 1023)) for _ in range(100)]
    near_one = [1 + rng.uniform(-1, 1) * 2.0 ** -rng.randrange(1, 52) for _ in range(100)]
    counts = [rng.randrange(1, 2000) / rng.uniform(0.05, 9) for _ in range(100)]
    small = [rng.choice([-1, 1]) * rng.uniform(0.5, 1) * 2.0 ** -rng.randrange(0, 60) for _ in range(150)]
    exponents = [rng.uniform(-60, 60) for _ in range(100)] + [rng.uniform(-1.2, 1.2) for _ in range(100)]
    edges_log1p = [0.41421356237309503, 0.4142135623730952, -0.2928932188134524, -0.29289321881345254, 1.0, 3.0, 2.0**53, 2.0**60]
    edges_expm1 = [0.34657359027997264, 1.0397207708399179, -1.0397207708399179, 709.782712893384, 38.9, -38.8, 13.9, 14.1]
    TARGET.write_text(
        json.dumps(
            {
                "log": table(spread + near_one + counts + [1.0, 2.0, 10.0, 5e-324], lambda x: x.ln()),
                "log1p": table(spread + counts + small + edges_log1p, lambda x: (1 + x).ln() if abs(x) > Decimal("1e-20") else x - x * x / 2),
                "expm1": table(exponents + small + edges_expm1, lambda x: x.exp() - 1),
            }
        )
        .replace("], ", "],\n")
        + "\n"
    )


if __name__ == "__main__":
    main()
