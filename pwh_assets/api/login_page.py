"""The two small pages people see: log in, and come after an invitation. Self-contained, no script."""

from html import escape

from fastapi.responses import HTMLResponse

_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'",
    # Not `no-referrer`: browsers would then say `Origin: null` when the form is sent.
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>PWH</title><style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 22rem; margin: 12vh auto; padding: 0 1rem }}
label, input, button {{ display: block; width: 100%; box-sizing: border-box; font: inherit }}
input {{ margin: .2rem 0 1rem; padding: .4rem }} button {{ padding: .5rem }}
.wrong {{ color: #a00 }} .hint {{ color: #555; font-size: .9em }}
</style></head><body><h1>PWH</h1>{wrong}{form}</body></html>"""
_LOGIN = """<form method="post" action="/login"><input type="hidden" name="next" value="{next}">
<label>Name or e-mail <input name="name" autocomplete="username" autofocus></label>
<label>Password <input name="password" type="password" autocomplete="current-password" required></label>
<button>Log in</button></form>
<p class="hint">A personal key (phx_…) in place of the password does too.</p>"""
_INVITE = """<form method="post"><p>Welcome. Choose how you log in.</p>
<label>Name <input name="name" autocomplete="username" required autofocus></label>
<label>Password, at least 10 characters
<input name="password" type="password" autocomplete="new-password" required></label>
<button>Come in</button></form>"""
_ACCEPT = """<form method="post"><p>You are logged in as {name}.</p><button>Accept the invitation</button></form>"""
_PLAIN = """<p><a href="{way_out}">Go on</a></p>"""


def login_page(next_path: str, wrong: str = "", status: int = 200) -> HTMLResponse:
    return _page(_LOGIN.format(next=escape(next_path)), wrong, status)


def invite_page(wrong: str = "", status: int = 200, name: str = "") -> HTMLResponse:
    """For somebody new; with a name, for somebody who is logged in."""
    form = _ACCEPT.format(name=escape(name)) if name else _INVITE
    return _page(form, wrong, status)


def refusal_page(wrong: str, status: int, way_out: str) -> HTMLResponse:
    return _page(_PLAIN.format(way_out=escape(way_out)), wrong, status)


def _page(form: str, wrong: str, status: int) -> HTMLResponse:
    said = f'<p class="wrong" role="alert">{escape(wrong)}</p>' if wrong else ""
    return HTMLResponse(_PAGE.format(wrong=said, form=form), status, _HEADERS)
