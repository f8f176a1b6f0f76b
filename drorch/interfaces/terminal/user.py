"""``drorch user``: accounts of the web, made by who can write the state folder."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import Annotated

import typer

from drorch.app import composition, settings
from drorch.app.accounts import Account, Accounts, Role
from drorch.app.audit import AuditLog, Entry
from drorch.core.codec import plain
from drorch.core.errors import ExitCode, InputInvalid
from drorch.interfaces.terminal.output import print_json, print_table

app = typer.Typer(no_args_is_help=True)
token_app = typer.Typer(no_args_is_help=True)
app.add_typer(token_app, name="token", help="Tokens for scripts: issue, list, revoke.")

Login = Annotated[str, typer.Argument(help="Login of the account.")]
By = Annotated[str, typer.Option("--by", help="Who does this: a person's name.")]
Roles = Annotated[list[Role], typer.Option("--role", help="Repeatable.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON document instead of text.")]
Departments = Annotated[list[str] | None, typer.Option("--department", help="For the role department. Repeatable.")]
PASSWORD_HELP = "Read the password from standard input (one line)."


@app.command()
def add(
    login: Login,
    person: Annotated[str, typer.Option("--person", help="Whose account it is: the name that stands in journals.")],
    role: Roles,
    by: By,
    department: Departments = None,
    break_glass: Annotated[bool, typer.Option("--break-glass", help="For the night the provider is gone.")] = False,
    subject: Annotated[
        str | None, typer.Option("--oidc-subject", metavar="ISSUER|SUB", help="The person at an OpenID provider.")
    ] = None,
    password_stdin: Annotated[bool, typer.Option("--password-stdin", help=PASSWORD_HELP)] = False,
    no_password: Annotated[bool, typer.Option("--no-password", help="Only tokens or the provider open it.")] = False,
) -> None:
    """Make an account. All accounts of one person are one person wherever two persons are needed."""
    accounts = _accounts()
    account = Account(
        login=login,
        person=person,
        roles=frozenset(role),
        departments=tuple(department or ()),
        break_glass=break_glass,
        oidc_subject=subject,
        made_by=by,
    )
    made = accounts.add(account, None if no_password else _password(password_stdin))
    _note("user add", login, by, f"{made.person}: {', '.join(sorted(made.roles))}")
    typer.echo(f"made: {login} ({made.person}), {', '.join(sorted(made.roles))}")


@app.command(name="list")
def list_users(as_json: AsJson = False) -> None:
    """All accounts."""
    accounts = _accounts().all()
    if as_json:
        print_json([account.shown() for account in accounts])
        return
    columns = ("login", "person", "roles", "departments", "opened by", "made by")
    print_table(f"{len(accounts)} accounts", columns, (_row(account) for account in accounts))


def _row(account: Account) -> tuple[object, ...]:
    ways = [*(["password"] if account.password else []), *(["OpenID"] if account.oidc_subject else [])]
    ways += ["break glass"] if account.break_glass else []
    opened = "DISABLED" if account.disabled else ", ".join(ways) or "tokens only"
    roles = ", ".join(sorted(account.roles))
    return account.login, account.person, roles, ", ".join(account.departments), opened, account.made_by


@app.command()
def disable(login: Login, by: By) -> None:
    """Close an account: its sessions end and its tokens do not work any more."""
    accounts = _accounts()
    accounts.change(replace(accounts.get(login), disabled=True))
    _note("user disable", login, by)
    typer.echo(f"disabled: {login}")


@app.command()
def enable(login: Login, by: By) -> None:
    """Open it again."""
    accounts = _accounts()
    accounts.change(replace(accounts.get(login), disabled=False))
    _note("user enable", login, by)
    typer.echo(f"enabled: {login}")


@app.command()
def roles(login: Login, role: Roles, by: By, department: Departments = None) -> None:
    """Give an account exactly these roles (and departments)."""
    accounts = _accounts()
    account = accounts.get(login)
    departments = account.departments if department is None else tuple(department)
    made = accounts.change(replace(account, roles=frozenset(role), departments=departments))
    _note("user roles", login, by, ", ".join(sorted(made.roles)))
    typer.echo(f"{login}: {', '.join(sorted(made.roles))}")


@app.command()
def password(
    login: Login, by: By, password_stdin: Annotated[bool, typer.Option("--password-stdin", help=PASSWORD_HELP)] = False
) -> None:
    """Give an account another password; its sessions end."""
    accounts = _accounts()
    accounts.get(login)
    accounts.set_password(login, _password(password_stdin))
    _note("user password", login, by)
    typer.echo(f"changed: {login}")


@token_app.command(name="issue")
def issue(
    login: Login,
    label: Annotated[str, typer.Option("--label", help="What it is for.")],
    by: By,
    role: Annotated[list[Role] | None, typer.Option("--role", help="Default: all of the account's.")] = None,
    days: Annotated[int, typer.Option(min=1, max=366, help="How long it lasts.")] = 90,
) -> None:
    """Print a new token, this once. Keep it in a file of mode 0600."""
    accounts = _accounts()
    wanted = role or accounts.get(login).roles
    token, text = accounts.issue(login, label=label, roles=wanted, days=days, by=by)
    _note("user token issue", login, by, f"{token.id} until {token.expires:%Y-%m-%d}")
    typer.echo(text)


@token_app.command(name="list")
def list_tokens(as_json: AsJson = False) -> None:
    """All tokens, without their secrets."""
    tokens = _accounts().tokens()
    if as_json:
        print_json(plain(tokens))
        return
    columns = ("token", "login", "for", "roles", "until")
    rows = ((t.id, t.login, t.label, ", ".join(sorted(t.roles)), f"{t.expires:%Y-%m-%d %H:%M}Z") for t in tokens)
    print_table(f"{len(tokens)} tokens", columns, rows)


@token_app.command(name="revoke")
def revoke(token: Annotated[str, typer.Argument(help="Its id.")], by: By) -> None:
    """End a token at once."""
    _accounts().revoke(token)
    _note("user token revoke", token, by)
    typer.echo(f"revoked: {token}")


@app.command()
def audit(
    as_json: AsJson = False, last: Annotated[int, typer.Option("--last", min=1, help="So many entries.")] = 50
) -> None:
    """The audit log of the web, and whether its chain holds. Exit code 1 when it does not."""
    log = _audit_log()
    entries, broken = log.last(last), log.first_break()
    if as_json:
        print_json({"first_break": broken, "entries": entries})
    else:
        columns = ("number", "at", "person", "what", "on", "how", "detail")
        names = ("number", "at", "person", "act", "subject", "outcome", "detail")
        print_table("audit log", columns, (tuple(entry.get(name) for name in names) for entry in entries))
        typer.echo("the chain holds" if broken is None else f"THE CHAIN BREAKS AT ENTRY {broken}")
    if broken is not None:
        raise typer.Exit(int(ExitCode.OBJECTIVES_MISSED))


def _accounts() -> Accounts:
    return Accounts(composition.records(settings.home()), composition.clock(), composition.hasher())


def _note(act: str, subject: str, by: str, detail: str = "") -> None:
    entry = Entry(act=act, subject=subject, outcome="done", status=0, person=by, via="command line", detail=detail)
    _audit_log().append(entry)


def _audit_log() -> AuditLog:
    return AuditLog(composition.event_store(), composition.clock())


def _password(from_stdin: bool) -> str:
    if from_stdin or not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    first = typer.prompt("password", hide_input=True)
    if first != typer.prompt("again", hide_input=True):
        raise InputInvalid("the two passwords are not the same", next_step="type it again")
    return str(first)
