"""Splits SQL scripts into statements and loads the demo's tables."""

import re

from quern_process import PROJECT

DEMO = PROJECT / "demo"

# A quoted text or name, a comment, or the end of a statement.
TOKEN = re.compile(r"""'(?:[^']|'')*' | "(?:[^"]|"")*" | --[^\n]* | ;""", re.VERBOSE)


def statements(script):
    """The statements of a script, without comments."""
    found, text, position = [], "", 0
    for token in TOKEN.finditer(script):
        text += script[position : token.start()]
        position = token.end()
        if token.group() == ";":
            found.append(text.strip())
            text = ""
        elif not token.group().startswith("--"):
            text += token.group()
    found.append((text + script[position:]).strip())
    return [statement for statement in found if statement]


def register_demo(connection, location=None):
    """Runs demo/register.sql with the data at `location`, by default those of the checkout."""
    location = location or (DEMO / "data").as_uri()
    script = (DEMO / "register.sql").read_text().replace("${demo}", location)
    with connection.cursor() as cursor:
        for statement in statements(script):
            cursor.execute(statement)
