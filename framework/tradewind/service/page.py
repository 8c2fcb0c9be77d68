"""The OpenAPI document as one page of HTML that needs no network."""

from __future__ import annotations

import json
from html import escape
from typing import Any

_HEAD = """<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>tradewind API</title><style>
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1b1f24;background:#fff}
code,pre{font:14px/1.45 ui-monospace,monospace}pre{overflow:auto;background:#f4f6f8;padding:1rem}
summary{cursor:pointer;padding:.4rem 0}b{display:inline-block;min-width:3.5rem}
@media(prefers-color-scheme:dark){body{color:#e6e8eb;background:#14171a}pre{background:#1e2328}}</style>
<h1>tradewind API</h1><p>Get a token with <code>Authorization: Basic</code> from <code>get_token</code>, send it as
<code>X-Api-Key</code>. The machine-readable form is <a href="/openapi.json">openapi.json</a>.</p>"""


def page(document: dict[str, Any]) -> str:
    """Every address with its method, its summary and the schema of its body."""
    rows = [
        _operation(method, path, operation)
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
    ]
    return _HEAD + "".join(rows) + "</html>"


def _operation(method: str, path: str, operation: dict[str, Any]) -> str:
    title = f"<b>{escape(method.upper())}</b><code>{escape(path)}</code> {escape(operation.get('summary', ''))}"
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
    if body is None:
        return f"<p>{title}</p>"
    schema = escape(json.dumps(body, indent=1, ensure_ascii=False))
    return f"<details><summary>{title}</summary><pre>{schema}</pre></details>"
