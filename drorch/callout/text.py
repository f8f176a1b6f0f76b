"""What a message says, and the page behind its link. Everything is marked as an exercise."""

from __future__ import annotations

from html import escape

from drorch.callout.decide import Send
from drorch.callout.model import CallKind, CallTree

MARK = "EXERCISE"


def subject_of(tree: CallTree, send: Send) -> str:
    """The subject line; starts with the mark, so that nobody takes it for an emergency."""
    again = f" (attempt {send.attempt} of {tree.policy.attempts})" if send.attempt > 1 else ""
    return f"{MARK}: call-out of {send.department}, please acknowledge{again}"


def text_of(tree: CallTree, send: Send, link: str) -> str:
    """The message itself. It names nobody but the one in whose place a deputy is called, and by role only."""
    about = {
        CallKind.OWN: "You are a member of the call tree.",
        CallKind.DEPUTY: "You are called as a deputy: "
        + (f"{tree.person[send.about].role} has not answered." if send.about in tree.person else ""),
        CallKind.ESCALATION: f"Not everybody in the call tree of {send.department} could be reached.",
    }[send.kind]
    return (
        f"{MARK} - THIS IS AN EXERCISE. There is no emergency. Nothing has to be done but this:\n\n"
        f"    {link}\n\n"
        "Open the link and press the button there. That acknowledges that this call reached you.\n\n"
        f"{about}\n"
        f"Call-out exercise: {tree.title}, {send.department}.\n"
        f"The link is yours alone. Do not pass it on.\n\n{MARK} - THIS WAS AN EXERCISE.\n"
    )


def page(title: str, sentence: str, *, button: bool) -> str:
    """A page that needs nothing from anywhere; with a button that acknowledges when it is pressed."""
    form = '<form method="post"><button type="submit">I was reached</button></form>' if button else ""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{MARK}: {escape(title)}</title><style>{_STYLE}</style></head><body><main>"
        f'<p class="mark">{MARK}: this is not an emergency</p><h1>{escape(title)}</h1><p>{escape(sentence)}</p>'
        f"{form}</main></body></html>"
    )


_STYLE = (
    "body{font:1.1rem/1.5 system-ui,sans-serif;margin:0;background:#fff;color:#1a1a1a}"
    "main{max-width:34rem;margin:2rem auto;padding:0 1rem}"
    ".mark{background:#ffe08a;color:#1a1a1a;padding:.6rem 1rem;font-weight:700}"
    "button{font:inherit;font-weight:700;padding:.9rem 1.6rem;background:#0b5394;color:#fff;"
    "border:0;border-radius:.3rem}"
    "button:focus-visible{outline:3px solid #1a1a1a;outline-offset:3px}"
)
