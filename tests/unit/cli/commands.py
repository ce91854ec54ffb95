"""Running a command in this process, with what it printed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from decision_service.cli.main import run

ROOT = Path(__file__).parents[3]
WORKED_EXAMPLE = ROOT / "tests" / "rulesets" / "worked_example"
SHIPPED = ROOT / "rules"
LIVE = """\
unit: user_id
pin_for: 90d
go_live:
  salt: {product}
  stages:
    - {{name: all, percent: 100}}
  initial_stage: all
champion: 1
"""


@dataclass(frozen=True, slots=True)
class Done:
    """What a command came to."""

    code: int
    out: str
    err: str


def command(capsys, *words):
    """Run `decision-service` with these words; typer's own exits count too."""
    capsys.readouterr()
    code = run([str(word) for word in words])
    captured = capsys.readouterr()
    return Done(code, captured.out, captured.err)


def product_folder(root: Path, text: str | None = None, product: str = "personal-loan-ph") -> Path:
    """A rules folder with one product: the worked example unless a text is given."""
    folder = root / "rules" / product
    (folder / "tests").mkdir(parents=True)
    example = (WORKED_EXAMPLE / "v1.yaml").read_text()
    (folder / "v1.yaml").write_text(example if text is None else text)
    (folder / "rollout.yaml").write_text(LIVE.format(product=product))
    (folder / "tests" / "v1.yaml").write_text((WORKED_EXAMPLE / "cases.yaml").read_text())
    without_laws(root / "rules")
    return folder


def without_laws(rules: Path, name: str = "elsewhere", old: str = "PHP", new: str = "USD") -> None:
    """Give a folder a law that is about none of its products, in place of the package's."""
    law = (SHIPPED / "_law" / "ph-prices.yaml").read_text()
    (rules / "_law").mkdir(exist_ok=True)
    (rules / "_law" / f"{name}.yaml").write_text(law.replace(old, new))
