"""A report's expectation written into the rollout plan of the product."""

from __future__ import annotations

from pathlib import Path

from msgspec.structs import replace

from decision_service.cli.backtest.plan_edit import plan_path, with_expected
from decision_service.cli.errors import CommandError, Exit
from decision_service.cli.rules.folder import RulesSelection, loaded, select_rules
from decision_service.impact.figures import ImpactReport
from decision_service.impact.report import expected_change
from decision_service.pipeline.backtest.compared import ComparedRules
from decision_service.pipeline.rules.folder import RuleFolder, TextFile
from decision_service.storage.rules_folder.whole_files import write_whole


def require_challenger(rules: Path, compared: ComparedRules) -> None:
    """Raise CommandError unless the challenger, as it stands, is what is compared."""
    path = plan_path(rules, compared.product.name)
    challenger = compared.product.plan.versions.challenger
    if challenger is None:
        raise CommandError(
            f"{path} has no challenger to expect anything of: name it under `versions` first",
            Exit.USAGE,
        )
    version = compared.product.versions[challenger.version]
    if compared.changed.digest != version.digest:
        raise CommandError(
            f"--write-expect is for the challenger of {path}, version {version.version}, and this "
            f"compares {compared.name}: say --with {compared.product.name}@{version.version}",
            Exit.USAGE,
        )


def write_expected(rules: Path, compared: ComparedRules, report: ImpactReport) -> Path:
    """Write the expected change under the challenger; the path of the plan. Raises CommandError."""
    told = expected_change(report.rates)
    if told is None:
        raise CommandError("nobody could be compared, so that nothing is expected", Exit.FINDINGS)
    selection = select_rules(rules)
    path = plan_path(selection.root, compared.product.name)
    try:
        text = path.read_bytes().decode()
        changed = with_expected(text, *told, str(path))
        loaded(RulesSelection(_with_plan(selection.folder, compared, changed), selection.root))
        write_whole(path, changed)
    except OSError as error:
        raise CommandError(f"{path} cannot be written ({error.strerror})", Exit.USAGE) from None
    return path


def _with_plan(folder: RuleFolder, compared: ComparedRules, text: str) -> RuleFolder:
    """The folder as it would be."""
    products = tuple(
        replace(one, plan=TextFile(one.plan.path, text))
        if one.product == compared.product.name and one.plan is not None
        else one
        for one in folder.products
    )
    return replace(folder, products=products)
