"""Every command by its words, in the groups of the first page of help."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

CONNECTION = (
    "Connection: --profile, --address, --tls-ca, --tls-cert, --tls-key and --token-file, which "
    "`decision-service health --help` explains."
)
MOVES = ("ROLLOUT_REFUSED", "ROLLOUT_MOVED_ON", "PLAN_CHANGED")
REVIEWS = ("REVIEW_REFUSED", "AUTHORITY_EXCEEDED")
LETTERS = ("NOTICE_NOT_DUE", "LANGUAGE_UNKNOWN")


@dataclass(frozen=True, slots=True)
class Command:
    """A command that is a function: `module:name` below `decision_service`."""

    about: str
    target: str


@dataclass(frozen=True, slots=True)
class Rpc:
    """A command that calls a server: the fields of the method's request are its options.

    `argument` is the field that comes without an option's name, `without` are those that no option
    has, and `defaults` what is sent without one. Errors with a reason of `findings` are answers,
    with exit code 1. `by` is a function that does more than to send the request and print the
    reply: it is given a `Call`, and its further parameters are options as well.
    """

    about: str
    method: str = ""
    argument: str = ""
    without: tuple[str, ...] = ()
    defaults: Mapping[str, str] = field(default_factory=dict)
    findings: tuple[str, ...] = ()
    by: str = ""
    more: str = ""
    shows_connection: bool = False


@dataclass(frozen=True, slots=True)
class Group:
    about: str
    commands: Mapping[str, Command | Rpc | Group]


def _review(about: str, method: str, more: str = "") -> Rpc:
    return Rpc(about, f"ReviewService.{method}", "review_id", findings=REVIEWS, more=more)


def _move(
    about: str, method: str, *without: str, by: str = "cli.commands:move", more: str = ""
) -> Rpc:
    method = f"RolloutService.{method}"
    return Rpc(about, method, "product", without, findings=MOVES, by=by, more=more)


GROUPS: Mapping[str, Mapping[str, Command | Rpc | Group]] = {
    "Start": {
        "init": Command("Create a folder with starter rules and settings.", "cli.init:init"),
        "serve": Command("Serve decisions until SIGTERM or Ctrl-C.", "cli.serve:serve"),
        "sandbox": Group(
            "Try the service with made-up people.",
            {
                "demo": Command("Decide for the people, and end.", "standin.demo:demo"),
                "people": Command("List the made-up people.", "standin.commands:people"),
                "simulator": Command("Serve the vendor's API alone.", "standin.commands:simulator"),
            },
        ),
        "version": Command("Print the version, with the commit.", "cli.main:version"),
    },
    "Decide": {
        "decide": Rpc(
            "Decide one application.", "DecisionService.CreateDecision", by="cli.commands:decide"
        ),
        "decisions": Group(
            "Show, list, replay and export decisions; report loans.",
            {
                "show": Rpc(
                    "Show one decision.",
                    "DecisionService.GetDecision",
                    "decision_id",
                    defaults={"view": "full"},
                ),
                "list": Rpc(
                    "List decisions, newest first.",
                    "DecisionService.ListDecisions",
                    by="cli.commands:list_decisions",
                ),
                "replay": Rpc(
                    "Recompute a decision and show what differs.",
                    "DecisionService.ReplayDecision",
                    "decision_id",
                    without=("ruleset_ref.ruleset",),
                    defaults={"view": "full"},
                    by="cli.decisions:replay",
                    more="Exit code 1 when anything differs.",
                ),
                "chain": Rpc(
                    "Show all that happened to one application.",
                    "DecisionService.GetDecision",
                    "decision_id",
                    without=("view", "without_recourse"),
                    by="cli.decisions:chain",
                    more="Its decisions, reviews with every step, letters and loans, and the "
                    "result. For the role `read`.",
                ),
                "export": Rpc(
                    "Write decisions without persons' data.",
                    "DecisionService.ListDecisions",
                    without=("page_size", "page_token", "unreported"),
                    by="cli.export:export",
                    more="Ids, references and free texts stay out; amounts, months and dates are "
                    "kept.",
                ),
                "outcomes": Rpc(
                    "Report the state of loans, from a file.",
                    by="cli.outcomes:outcomes",
                    more="Exit code 1 when any line was refused. Safe to repeat.",
                ),
            },
        ),
    },
    "Rules": {
        "rules": Group(
            "Check, test, explain, compare and publish rules.",
            {
                "check": Command("Check rule files completely.", "workbench.commands.rules:check"),
                "test": Command(
                    "Run the products' own tests.", "workbench.commands.tests:run_tests"
                ),
                "diff": Command("Say in plain words what changed.", "workbench.commands.diff:diff"),
                "explain": Command(
                    "Evaluate a version on given values.", "workbench.commands.explain:explain"
                ),
                "prove": Command(
                    "Prove a claim about two versions.", "workbench.commands.prove:prove"
                ),
                "factors": Command(
                    "List the factors of rules.", "workbench.commands.rules:factors"
                ),
                "new": Command("Create a product.", "workbench.commands.authoring:new"),
                "schema": Command("Print a JSON schema.", "workbench.commands.authoring:schema"),
                "publish": Command(
                    "Write the manifest of rules.", "workbench.commands.publishing:publish"
                ),
                "sign": Command("Sign rules to publish.", "workbench.commands.publishing:sign"),
                "verify": Command(
                    "Check a manifest as a service would.", "workbench.commands.publishing:verify"
                ),
                "keys": Group(
                    "Make the keys by which rules are signed.",
                    {
                        "new": Command("Make a key pair.", "workbench.commands.publishing:new"),
                        "line": Command(
                            "Print a public key again.", "workbench.commands.publishing:line"
                        ),
                    },
                ),
                "status": Rpc(
                    "Show the rules that a server decides by.",
                    "RulesetService.ListRulesets",
                    "product",
                    defaults={"product": ""},
                    by="cli.commands:status",
                    more="Exit code 1 when it refused those of its folder.",
                ),
            },
        ),
        "backtest": Command(
            "Report what other rules would have decided.", "workbench.commands.backtest:backtest"
        ),
        "rollout": Group(
            "Show rollouts, and move them.",
            {
                "show": Rpc(
                    "Show where rollouts are, and what comes next.",
                    "RolloutService.GetRollout",
                    without=("product",),
                    by="cli.commands:show_rollouts",
                ),
                "explain": Rpc(
                    "Show who would decide an applicant now.",
                    "RolloutService.ExplainAssignment",
                    "user_id",
                    more="Nothing is decided or recorded.",
                ),
                "advance": _move("Move a track one stage up.", "AdvanceRollout"),
                "confirm": _move("Confirm what another caller proposed.", "ConfirmRollout"),
                "roll-back": _move("Move a track one stage down.", "RollBackRollout"),
                "pause": _move("Stop advancing.", "PauseRollout"),
                "resume": _move("Allow advancing again.", "ResumeRollout"),
                "kill": _move(
                    "Stop a challenger, or a whole product.",
                    "SetKillSwitch",
                    "killed",
                    by="cli.commands:kill",
                    more="Within two seconds on every process. It asks on a terminal alone, before "
                    "it reaches the server.",
                ),
                "revive": _move(
                    "Undo a kill at its stage.",
                    "SetKillSwitch",
                    "killed",
                ),
                "history": Rpc(
                    "List the steps of a rollout, newest first.",
                    "RolloutService.ListRolloutSteps",
                    "product",
                ),
                "compare": Rpc(
                    "Compare two versions on the same applicants.",
                    "RolloutService.CompareVersions",
                    "product",
                    by="cli.commands:compare",
                    more="The champion with its challenger, a shadow, or itself on another day's "
                    "parameters.",
                ),
            },
        ),
    },
    "People": {
        "applicants": Group(
            "Onboard applicants, export and erase their data.",
            {
                "create": Rpc(
                    "Create an applicant, and print the link to send.",
                    "ApplicantService.CreateApplicant",
                    "applicant_ref",
                ),
                "link-token": Rpc(
                    "Make a new link for an applicant.",
                    "ApplicantService.CreateLinkToken",
                    "user_id",
                ),
                "show": Rpc(
                    "Show an applicant's accounts and data.",
                    "ApplicantService.GetApplicant",
                    "user_id",
                ),
                "export": Rpc(
                    "Write everything stored of a person, as JSON.",
                    "ApplicantService.ExportApplicant",
                    "user_id",
                    without=("page_token",),
                    by="cli.commands:export",
                ),
                "erase": Rpc(
                    "Destroy the stored data, revoke the accounts.",
                    "ApplicantService.EraseApplicant",
                    "user_id",
                    by="cli.commands:erase",
                ),
            },
        ),
        "reviews": Group(
            "Review referred and contested decisions.",
            {
                "list": Rpc(
                    "List unfinished reviews, most urgent first.",
                    "ReviewService.ListReviews",
                    without=("unfinished", "open_time_before"),
                    by="cli.commands:list_reviews",
                ),
                "show": Rpc(
                    "Show a review with all of its steps.",
                    "ReviewService.GetReview",
                    "review_id",
                    without=("page_size", "page_token"),
                    by="cli.commands:show_review",
                ),
                "open": Rpc(
                    "Open a review that an applicant asks for.",
                    "ReviewService.RequestReview",
                    "decision_id",
                    findings=REVIEWS,
                    more="While one of the decision is unfinished, the request is noted there.",
                ),
                "claim": _review("Claim a review, or prolong the claim.", "ClaimReview"),
                "release": _review("Give a claimed review back.", "ReleaseReview"),
                "note": _review("Add a note.", "AddReviewNote"),
                "request-data": _review("Wait for data, then decide again.", "RequestReviewData"),
                "decide-again": _review(
                    "Have the rules decide the application again.",
                    "DecideAgain",
                    "Within seconds `show` names the new decision.",
                ),
                "complete": _review(
                    "End a claimed review with your result.",
                    "CompleteReview",
                    "Above your authority a second person has to confirm it.",
                ),
                "confirm": Rpc(
                    "Confirm or refuse what another person proposed.",
                    "ReviewService.ConfirmReview",
                    "review_id",
                    without=("reject", "text"),
                    findings=REVIEWS,
                    by="cli.commands:confirm_review",
                ),
            },
        ),
        "letters": Group(
            "Print, list and report letters to applicants.",
            {
                "show": Rpc(
                    "Print the letter of a decision.",
                    "NoticeService.GetNotice",
                    "decision_id",
                    defaults={"language": "en"},
                    findings=LETTERS,
                    by="cli.commands:show_letter",
                    more="It is made at the first call and stays the same; a person's result has a "
                    "letter of its own.",
                ),
                "list": Rpc("List letters, newest first.", "NoticeService.ListNotices"),
                "sent": Rpc(
                    "Record that a letter was sent.",
                    "NoticeService.RecordNoticeSent",
                    "decision_id",
                    defaults={"language": "en", "send_time": "now"},
                    findings=LETTERS,
                    more="The first report counts.",
                ),
            },
        ),
    },
    "Operate": {
        "health": Rpc(
            "Ask a server whether it takes decisions.",
            by="cli.commands:health",
            more="Exit code 3 when it does not.",
            shows_connection=True,
        ),
        "preflight": Command(
            "Check an installation before it goes live.", "workbench.commands.preflight:preflight"
        ),
        "config": Group(
            "Show what is set, and print a sample file.",
            {
                "check": Command("List every setting with its source.", "cli.config:check"),
                "sample": Command("Print a commented file of settings.", "cli.config:sample_"),
            },
        ),
        "migrate": Command("Bring a store's tables to this version.", "cli.serve:migrate"),
        "webhooks": Group(
            "Receive the vendor's events.",
            {
                "register": Command(
                    "Register the address for all needed events.", "cli.webhooks:register"
                ),
                "list": Command("List what is registered.", "cli.webhooks:list_webhooks"),
                "remove": Command("Remove a webhook at the vendor.", "cli.webhooks:remove"),
                "send-test": Command("Try an address with two events.", "cli.webhooks:send_test"),
            },
        ),
    },
    "Keys": {
        "keys": Group(
            "Make and retire the keys of stored data.",
            {
                "data": Group(
                    "Keys that wrap users' keys.",
                    {
                        "add": Command("Put a new key first.", "cli.keys:add"),
                        "list": Command("Print the keys' ids, newest first.", "cli.keys:list_ids"),
                        "rewrap": Command("Wrap users' keys by the newest.", "cli.keys:rewrap"),
                        "forget": Command("Delete a key.", "cli.keys:forget_data_key"),
                    },
                ),
                "identity": Group(
                    "Keys of the hashes of persons.",
                    {
                        "add": Command("Put a new key first.", "cli.keys:add"),
                        "list": Command("Print the keys' ids, newest first.", "cli.keys:list_ids"),
                        "forget": Command(
                            "Delete what is stored under a key.", "cli.keys:forget_identity_key"
                        ),
                    },
                ),
            },
        ),
        "tokens": Group(
            "Make and check callers' tokens.",
            {
                "new": Command("Print a new token, once.", "cli.init:new"),
                "check": Command("Check a callers file.", "cli.init:check"),
            },
        ),
    },
}
COMMANDS = {name: each for group in GROUPS.values() for name, each in group.items()}
