"""Both sets of rules of a backtest that a running service is asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from msgspec.structs import replace

from decision_service.domain.errors import FieldInvalid, RulesetUnknown
from decision_service.language.diagnostics import Diagnostic, Severity, render
from decision_service.pipeline.backtest.compared import ComparedRules, RulesVersion, compared
from decision_service.pipeline.backtest.runs.operate import BacktestQuestion, invalid
from decision_service.pipeline.ports import DecisionLog
from decision_service.pipeline.rules.compilation import CompilationThread
from decision_service.pipeline.rules.folder import lists_of
from decision_service.pipeline.rules.last_good import last_good_folder
from decision_service.pipeline.rules.rulebook import Product, Rulebook
from decision_service.pipeline.rules.texts import files_from_body
from decision_service.pipeline.trial.dry_run import ValidateRules
from decision_service.ruleset.figures.setting import FiguresUnfit
from decision_service.ruleset.program.model import CompiledRuleset


class ResolveRules:
    """Finds the champion and the other side among the loaded rules, or compiles a sent text."""

    def __init__(
        self,
        log: DecisionLog,
        rulebook: Callable[[], Rulebook],
        validate: ValidateRules,
        thread: CompilationThread,
    ) -> None:
        self._log = log
        self._rulebook = rulebook
        self._validate = validate
        self._thread = thread

    async def __call__(self, asked: BacktestQuestion) -> ComparedRules:
        """Both sides; of a sweep the first and the last point are tried here, all by the workers.

        Raises ProductUnknown, RulesetUnknown, FieldInvalid, Overloaded and StoreUnavailable.
        """
        product = self._rulebook().product(asked.product)
        lists = await self._lists(product.name)
        base = await self._loaded(product.champion, lists)
        other = base
        if asked.source:
            other = await self._sent(product, asked.source)
        elif asked.version:
            other = await self._loaded(product.version(asked.version), lists)
        points = (*asked.points[:1], *asked.points[-1:])
        figures = asked.figures
        try:
            return await self._thread.run(compared, product, base, other, figures, points)
        except FiguresUnfit as error:
            raise invalid("figures", f"do not do: {error}") from None

    async def _loaded(self, ruleset: CompiledRuleset, lists: Mapping[str, str]) -> RulesVersion:
        text = await self._log.text(ruleset.digest)
        if text is None:
            raise RulesetUnknown(
                f"v{ruleset.version} is not stored yet: ask again", digest=ruleset.digest
            )
        return RulesVersion(replace(files_from_body(text.body), lists=lists), ruleset)

    async def _lists(self, product: str) -> Mapping[str, str]:
        """The lists of the last good folder, which are the loaded ones."""
        folder = await last_good_folder(self._log)
        found = () if folder is None else (p for p in folder.products if p.product == product)
        for texts in found:
            assert folder is not None  # noqa: S101  its products are found
            return lists_of(folder, texts)
        return {}

    async def _sent(self, product: Product, source: str) -> RulesVersion:
        compilation = await self._validate(product.name, source)
        ruleset = compilation.ruleset
        if ruleset is None:
            raise _refused(next(d for d in compilation.diagnostics if d.severity is Severity.ERROR))
        if ruleset.ruleset != product.name:
            raise invalid("source", f"is a version of {ruleset.ruleset}, not of {product.name}")
        files = await self._thread.run(self._validate.files, product.name, source)
        return RulesVersion(files, ruleset)


def _refused(error: Diagnostic) -> FieldInvalid:
    first = render(error).splitlines()[0]
    return invalid("source", f"does not compile: {first}")
