"""What can be typed about reviewing? The commands below `scorer review`, written like those in cli.py."""

import sys
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from typer.core import TyperGroup

from scorer.errors import count_of


class ReviewGroup(TyperGroup):
    """`scorer review RUN...` opens the app; only the words of its commands mean something else."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put `open` in front of runs and options."""
        if args and args[0] not in self.commands and args[0] != "--help":
            args = ["open", *args]
        return super().parse_args(ctx, args)


review = typer.Typer(
    cls=ReviewGroup,
    help="Look at flagged calls in the browser, say what is right and wrong, and teach the model. `scorer review RUN...` opens the app; "
    "its options (--db, --sample, --seed, --host, --port, --allow-host) are shown by `scorer review open --help`.",
    epilog="Example: scorer review out/night",
    no_args_is_help=True,
    rich_markup_mode=None,
)
users = typer.Typer(help="Who may get in.", epilog="Example: scorer review users add ana", no_args_is_help=True, rich_markup_mode=None)
review.add_typer(users, name="users")

Database = Annotated[Path, typer.Option("--db", help="The review database.")]

REVIEWS = Path("reviews.sqlite")


@review.command("open", epilog="Example: scorer review out/night --db reviews.sqlite")
def open_review(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Folders of finished runs.")],
    db: Database = REVIEWS,
    host: Annotated[str, typer.Option("--host", help="Another address than this machine's own needs accounts and HTTPS.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=1, max=65535)] = 8700,
    allow_host: Annotated[list[str] | None, typer.Option("--allow-host", help="Name under which a proxy serves the app.")] = None,
    sample: Annotated[int, typer.Option("--sample", min=0, help="Unflagged calls per run that are looked at too.")] = 20,
    seed: Annotated[int, typer.Option("--seed", help="Which of them.")] = 13,
    browser: Annotated[bool, typer.Option(help="Open the browser.")] = True,
) -> None:
    """Open the review app on finished runs, and on those that the database has: it keeps them until scorer review forget."""
    import getpass

    from scorer.review.server import open_desk, serve

    def ready(address: str) -> None:
        typer.echo(f"the review app is at {address} (Ctrl-C ends it; every verdict is saved at once)")
        if browser:
            typer.launch(address)

    desk = open_desk(db, runs, person=getpass.getuser(), sample=sample, seed=seed)
    serve(desk, host=host, port=port, allowed=allow_host or [], ready=ready)


@review.command("export", epilog="Example: scorer review export models/verdicts")
def export_verdicts(
    out: Annotated[Path, typer.Argument(metavar="FOLDER", help="A folder that the training reads.")], db: Database = REVIEWS
) -> None:
    """Write what people confirmed as labelled calls, for make retrain."""
    from scorer.review.export import export_labelled, left_out
    from scorer.review.store import existing

    with existing(db) as connection:
        path, calls = export_labelled(connection, out)
        for line in left_out(connection):
            typer.echo(line, err=True)
    if calls:
        typer.echo(f"{path} holds {count_of(calls, 'labelled call')}; next: make retrain")
    else:
        typer.echo(f"{path} is empty: in {db} nobody has confirmed or denied a label yet; look at calls with scorer review RUN", err=True)


@review.command("import", epilog="Example: scorer review import annotations.json")
def import_verdicts(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Label Studio's JSON export.")], db: Database = REVIEWS
) -> None:
    """Take annotations from Label Studio in as verdicts."""
    from scorer.review.label_studio import import_annotations
    from scorer.review.store import existing

    with existing(db) as connection:
        typer.echo(f"{count_of(import_annotations(connection, file), 'new annotation')} taken in")


@review.command("forget", epilog="Example: scorer review forget out/night-stricter")
def forget(
    run: Annotated[str, typer.Argument(metavar="RUN", help="The folder that it was opened with, or its run_id.")], db: Database = REVIEWS
) -> None:
    """Take a run out of queue and trends, such as a rescored copy; what people said of its calls stays."""
    from scorer.review.index import forget_run
    from scorer.review.store import existing

    with existing(db) as connection:
        stay = forget_run(connection, run)
    kept = f"; {count_of(stay, 'call')} of it that people spoke of stay{'s' if stay == 1 else ''}" if stay else ""
    typer.echo(f"{run} is no longer in {db}{kept}; scorer review RUN takes it in again")


@users.command("add", epilog="Example: scorer review users add ana --role admin")
def add_user(
    name: Annotated[str, typer.Argument(metavar="NAME")],
    role: Annotated[
        Literal["reviewer", "admin"], typer.Option("--role", help="An admin may export and see numbers unmasked.")
    ] = "reviewer",
    db: Database = REVIEWS,
) -> None:
    """Let somebody in, or give them another password; it is asked for, or read from a pipe."""
    from scorer.review.accounts import add_account
    from scorer.review.store import opened, prepare

    typed = sys.stdin.isatty()
    password = typer.prompt("password", hide_input=True, confirmation_prompt=True) if typed else sys.stdin.readline().rstrip("\n")
    prepare(db)
    with opened(db) as connection:
        add_account(connection, name, password, role)
    typer.echo(f"{name} may get in as {role}")


@users.command("list", epilog="Example: scorer review users list")
def list_users(db: Database = REVIEWS) -> None:
    """Show who may get in."""
    from scorer.review.accounts import accounts
    from scorer.review.store import existing

    with existing(db) as connection:
        for account in accounts(connection):
            typer.echo(f"{account.name}  {account.role}")


@users.command("remove", epilog="Example: scorer review users remove ana")
def remove_user(name: Annotated[str, typer.Argument(metavar="NAME")], db: Database = REVIEWS) -> None:
    """Let somebody in no more; what they said stays."""
    from scorer.review.accounts import remove_account
    from scorer.review.store import existing

    with existing(db) as connection:
        remove_account(connection, name)
    typer.echo(f"{name} may get in no more")
